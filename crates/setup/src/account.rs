//! The account and region that everything happens in, and the names there.

/// The IAM path of the roles and policies that vpcflow creates, so that a
/// teardown finds them without listing the whole account.
pub const IAM_PATH: &str = "/vpcflow/";

/// An AWS account seen from one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    id: String,
    region: String,
    partition: String,
}

impl Account {
    /// The account of a caller, as `sts:GetCallerIdentity` describes it.
    ///
    /// The partition (`aws`, `aws-cn`, `aws-us-gov`, …) is the caller ARN's;
    /// `None` when `caller_arn` is no ARN. See
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>.
    pub fn of_caller(caller_arn: &str, account_id: &str, region: &str) -> Option<Account> {
        let partition = caller_arn.strip_prefix("arn:")?.split(':').next()?;
        Some(Account {
            id: account_id.to_owned(),
            region: region.to_owned(),
            partition: partition.to_owned(),
        })
    }

    /// The account's twelve digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The region, such as `eu-west-1`.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The partition, such as `aws`.
    pub fn partition(&self) -> &str {
        &self.partition
    }

    /// The ARN of a log group, without the `:*` of its streams.
    pub fn log_group_arn(&self, name: &str) -> String {
        let Account {
            id,
            region,
            partition,
        } = self;
        format!("arn:{partition}:logs:{region}:{id}:log-group:{name}")
    }

    /// The ARN of a role that vpcflow creates.
    pub fn role_arn(&self, name: &str) -> String {
        format!(
            "arn:{}:iam::{}:role{IAM_PATH}{name}",
            self.partition, self.id
        )
    }

    /// The ARN of a policy that vpcflow creates.
    pub fn policy_arn(&self, name: &str) -> String {
        format!(
            "arn:{}:iam::{}:policy{IAM_PATH}{name}",
            self.partition, self.id
        )
    }

    /// A pattern that matches the ARN of every flow log of this account and
    /// region.
    pub fn flow_log_arn_pattern(&self) -> String {
        let Account {
            id,
            region,
            partition,
        } = self;
        format!("arn:{partition}:ec2:{region}:{id}:vpc-flow-log/*")
    }

    /// The name of the delivery policy of a log group, and of its role when
    /// the user names none.
    ///
    /// A readable part and a hash: IAM names are global to the account while
    /// log groups belong to a region, and `/a/b` and `a-b` must not meet. The
    /// hash is part of what existing set-ups are found by: never change it.
    pub fn delivery_name(&self, log_group: &str) -> String {
        // What is left of IAM's 64 characters for a role name.
        const READABLE_MAX_CHARS: usize = 38;
        let readable = log_group.strip_prefix("/vpcflow/").unwrap_or(log_group);
        let readable = readable.trim_start_matches('/').replace('/', "-");
        let readable: String = readable.chars().take(READABLE_MAX_CHARS).collect();
        let hash = fnv1a(&[self.region.as_bytes(), b"\0", log_group.as_bytes()]);
        format!("vpcflow-delivery-{readable}-{hash:08x}")
    }
}

/// The last part of a role's or policy's ARN: its name.
pub(crate) fn name_of_arn(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// 32-bit FNV-1a: stable between releases and platforms, unlike the standard
/// library's hashers.
fn fnv1a(parts: &[&[u8]]) -> u32 {
    let bytes = parts.iter().flat_map(|part| part.iter());
    bytes.fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(region: &str) -> Account {
        let caller = "arn:aws:sts::123456789012:assumed-role/admin/me";
        Account::of_caller(caller, "123456789012", region).unwrap()
    }

    #[test]
    fn the_partition_comes_from_the_caller() {
        let caller = "arn:aws-us-gov:iam::123456789012:user/me";
        let account = Account::of_caller(caller, "123456789012", "us-gov-west-1").unwrap();
        assert_eq!(account.partition(), "aws-us-gov");
        assert_eq!(
            account.log_group_arn("/vpcflow/vpc-1"),
            "arn:aws-us-gov:logs:us-gov-west-1:123456789012:log-group:/vpcflow/vpc-1"
        );
        assert_eq!(
            account.flow_log_arn_pattern(),
            "arn:aws-us-gov:ec2:us-gov-west-1:123456789012:vpc-flow-log/*"
        );
        assert_eq!(Account::of_caller("me", "1", "us-east-1"), None);
    }

    #[test]
    fn names_carry_the_path() {
        let account = account("us-east-1");
        assert_eq!(
            account.role_arn("r"),
            "arn:aws:iam::123456789012:role/vpcflow/r"
        );
        assert_eq!(
            account.policy_arn("p"),
            "arn:aws:iam::123456789012:policy/vpcflow/p"
        );
        assert_eq!(name_of_arn(&account.role_arn("r")), "r");
        assert_eq!(name_of_arn("arn:aws:iam::123456789012:role/r"), "r");
    }

    /// Existing set-ups are found by these names, so they are fixed here.
    #[test]
    fn delivery_names_stay_as_they_are() {
        let name = account("us-east-1").delivery_name("/vpcflow/vpc-0123456789abcdef0");
        assert_eq!(name, "vpcflow-delivery-vpc-0123456789abcdef0-0a442dec");
    }

    #[test]
    fn delivery_names_differ_by_group_and_region_and_fit_iam() {
        let account_here = account("us-east-1");
        let long = format!("/{}", "a/".repeat(120));
        let names = [
            account_here.delivery_name("/a/b"),
            account_here.delivery_name("a-b"),
            account("eu-west-1").delivery_name("/a/b"),
            account_here.delivery_name(&long),
        ];
        for (index, name) in names.iter().enumerate() {
            assert!(name.len() <= 64, "{name}");
            assert!(
                name.chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)),
                "{name}"
            );
            assert!(!names[..index].contains(name), "{name}");
        }
    }
}
