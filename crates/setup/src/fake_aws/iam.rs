//! The roles and policies of the account.

use std::collections::BTreeMap;

use super::{ACCOUNT, Call, Reply, State, escaped, query_reply};

#[derive(Clone, Default, Debug, PartialEq)]
pub(crate) struct RoleState {
    pub(crate) arn: String,
    pub(crate) trust: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) attached: Vec<String>,
}

#[derive(Clone, Default, Debug, PartialEq)]
pub(crate) struct PolicyState {
    name: String,
    pub(crate) tags: BTreeMap<String, String>,
    /// The documents by version; the last one is in force.
    pub(crate) versions: BTreeMap<u32, String>,
}

impl State {
    pub(super) fn iam(&mut self, call: &Call) -> Reply {
        let reply = match call.name() {
            name if name.contains("PolicyVersion") => self.policy_version(call),
            "CreatePolicy" | "GetPolicy" | "DeletePolicy" | "TagPolicy" => self.policy_call(call),
            "ListPolicies" | "ListRoles" | "ListEntitiesForPolicy" => self.iam_list(call),
            _ => self.role_call(call),
        };
        reply.unwrap_or_else(|refusal| refusal)
    }

    fn role_call(&mut self, call: &Call) -> Result<Reply, Reply> {
        let name = call.get("RoleName");
        if call.name() == "CreateRole" {
            if self.roles.contains_key(name) {
                return Err(refusal("EntityAlreadyExists", "Role exists already"));
            }
            let role = RoleState {
                arn: format!("arn:aws:iam::{ACCOUNT}:role{}{name}", call.get("Path")),
                trust: call.get("AssumeRolePolicyDocument").to_owned(),
                tags: call.tags("Tags.member"),
                attached: Vec::new(),
            };
            let text = role_text(name, &role);
            self.roles.insert(name.to_owned(), role);
            return Ok(query_reply("CreateRole", &text));
        }
        let arn = call.get("PolicyArn").to_owned();
        if call.name() == "AttachRolePolicy" && !self.policies.contains_key(&arn) {
            return Err(absent());
        }
        let role = self.roles.get_mut(name).ok_or_else(absent)?;
        let mut result = String::new();
        match call.name() {
            "GetRole" => result = role_text(name, role),
            "UpdateAssumeRolePolicy" => role.trust = call.get("PolicyDocument").to_owned(),
            "TagRole" => role.tags.extend(call.tags("Tags.member")),
            "AttachRolePolicy" if role.attached.contains(&arn) => {}
            "AttachRolePolicy" => role.attached.push(arn),
            "DetachRolePolicy" => role.attached.retain(|attached| *attached != arn),
            "ListAttachedRolePolicies" => {
                let member = |arn: &String| {
                    format!(
                        "<member><PolicyName>p</PolicyName><PolicyArn>{arn}</PolicyArn></member>"
                    )
                };
                let members: String = role.attached.iter().map(member).collect();
                result = format!("<AttachedPolicies>{members}</AttachedPolicies>{LAST_PAGE}");
            }
            "ListRolePolicies" => result = format!("<PolicyNames></PolicyNames>{LAST_PAGE}"),
            "DeleteRole" if !role.attached.is_empty() => {
                return Err(refusal("DeleteConflict", "Cannot delete entity"));
            }
            "DeleteRole" => drop(self.roles.remove(name)),
            other => panic!("{other} is not faked"),
        }
        Ok(query_reply(call.name(), &result))
    }

    fn policy_call(&mut self, call: &Call) -> Result<Reply, Reply> {
        let name = call.get("PolicyName");
        if call.name() == "CreatePolicy" {
            let arn = format!("arn:aws:iam::{ACCOUNT}:policy{}{name}", call.get("Path"));
            if self.policies.contains_key(&arn) {
                return Err(refusal("EntityAlreadyExists", "Policy exists already"));
            }
            let policy = PolicyState {
                name: name.to_owned(),
                tags: call.tags("Tags.member"),
                versions: BTreeMap::from([(1, call.get("PolicyDocument").to_owned())]),
            };
            let text = policy_text(&arn, &policy);
            self.policies.insert(arn, policy);
            return Ok(query_reply("CreatePolicy", &text));
        }
        let arn = call.get("PolicyArn").to_owned();
        let is_attached = self.roles.values().any(|role| role.attached.contains(&arn));
        let policy = self.policies.get_mut(&arn).ok_or_else(absent)?;
        let mut result = String::new();
        match call.name() {
            "GetPolicy" => result = policy_text(&arn, policy),
            "TagPolicy" => policy.tags.extend(call.tags("Tags.member")),
            _ if is_attached || policy.versions.len() > 1 => {
                return Err(refusal("DeleteConflict", "Cannot delete a policy in use"));
            }
            _ => drop(self.policies.remove(&arn)),
        }
        Ok(query_reply(call.name(), &result))
    }

    fn policy_version(&mut self, call: &Call) -> Result<Reply, Reply> {
        let policy = self.policies.get_mut(call.get("PolicyArn"));
        let policy = policy.ok_or_else(absent)?;
        let newest = *policy.versions.keys().last().unwrap();
        let version = call.get("VersionId").trim_start_matches('v').parse();
        let member = |(number, document): (&u32, &String)| {
            let document = document.replace('%', "%25");
            format!(
                "<VersionId>v{number}</VersionId><Document>{}</Document>",
                escaped(&document)
            )
        };
        let result = match call.name() {
            "GetPolicyVersion" => {
                let version = policy.versions.get_key_value(&version.unwrap());
                let text = member(version.ok_or_else(absent)?);
                format!("<PolicyVersion>{text}</PolicyVersion>")
            }
            "ListPolicyVersions" => {
                let members = policy.versions.iter().map(member);
                let members = members.map(|text| format!("<member>{text}</member>"));
                let members: String = members.collect();
                format!("<Versions>{members}</Versions>{LAST_PAGE}")
            }
            "CreatePolicyVersion" => {
                let document = call.get("PolicyDocument").to_owned();
                policy.versions.insert(newest + 1, document);
                String::new()
            }
            _ => {
                policy.versions.remove(&version.unwrap());
                String::new()
            }
        };
        Ok(query_reply(call.name(), &result))
    }

    fn iam_list(&self, call: &Call) -> Result<Reply, Reply> {
        let mut members = String::new();
        let field = match call.name() {
            "ListRoles" => {
                for (name, role) in &self.roles {
                    let text = role_text(name, role).replace("Role>", "member>");
                    members.push_str(&text);
                }
                "Roles"
            }
            "ListPolicies" => {
                for (arn, policy) in &self.policies {
                    members.push_str(&policy_text(arn, policy).replace("Policy>", "member>"));
                }
                "Policies"
            }
            _ => {
                let arn = call.get("PolicyArn").to_owned();
                for (name, role) in &self.roles {
                    if role.attached.contains(&arn) {
                        members.push_str(&format!("<member><RoleName>{name}</RoleName></member>"));
                    }
                }
                "PolicyRoles"
            }
        };
        let result = format!("<{field}>{members}</{field}>{LAST_PAGE}");
        Ok(query_reply(call.name(), &result))
    }
}

const LAST_PAGE: &str = "<IsTruncated>false</IsTruncated>";

fn tag_text(tags: &BTreeMap<String, String>) -> String {
    let member = |(key, value): (&String, &String)| {
        let (key, value) = (escaped(key), escaped(value));
        format!("<member><Key>{key}</Key><Value>{value}</Value></member>")
    };
    tags.iter().map(member).collect()
}

fn role_text(name: &str, role: &RoleState) -> String {
    let trust = escaped(&role.trust.replace('%', "%25"));
    format!(
        "<Role><Path>/</Path><RoleName>{name}</RoleName><RoleId>id</RoleId><Arn>{}</Arn>\
         <CreateDate>2026-01-01T00:00:00Z</CreateDate>\
         <AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument>\
         <Tags>{}</Tags></Role>",
        role.arn,
        tag_text(&role.tags)
    )
}

fn policy_text(arn: &str, policy: &PolicyState) -> String {
    let newest = policy.versions.keys().last().unwrap();
    format!(
        "<Policy><PolicyName>{}</PolicyName><Arn>{arn}</Arn>\
         <DefaultVersionId>v{newest}</DefaultVersionId><Tags>{}</Tags></Policy>",
        policy.name,
        tag_text(&policy.tags)
    )
}

fn absent() -> Reply {
    refusal("NoSuchEntity", "It cannot be found")
}

pub(super) fn refusal(code: &str, message: &str) -> Reply {
    let status = match code {
        "NoSuchEntity" => 404,
        "AccessDenied" => 403,
        "EntityAlreadyExists" | "DeleteConflict" => 409,
        _ => 400,
    };
    let message = escaped(message);
    let error = format!("<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>");
    (
        status,
        format!("<ErrorResponse><Error>{error}</Error></ErrorResponse>"),
    )
}
