//! The plan of a set-up: a pure function of what is wanted and what exists.

use vpcflow_record::FormatField;

use crate::account::Account;
use crate::error::{Error, Result};
use crate::flow_logs::{Destination, FlowLog, Settings};
use crate::observe::Observed;
use crate::resource::Resource;
use crate::step::{Plan, Step};
use crate::wish::{Wish, is_tag_field};

mod changes;
mod delivery;
mod flow_log;
mod log_group;
mod obstacle;

pub use obstacle::Obstacle;

/// Plans what turns what exists into what is wanted.
///
/// The plan of a wish that is already fulfilled changes nothing.
///
/// # Errors
/// [`Error::Blocked`] with every obstacle found: what is missing, and what
/// would have to change although vpcflow did not make it.
pub fn plan(wish: &Wish, account: &Account, observed: &Observed) -> Result<Plan> {
    let mut planner = Planner::new(wish, account, observed);
    planner.check_resources();
    planner.check_formats();
    planner.check_log_class();
    planner.check_tag_fields();
    planner.note_others();
    planner.note_doubles();
    let flow_logs = planner.flow_log_steps();
    // A foreign flow log that fits brings its own role.
    let needs_role = flow_logs.iter().any(|flow_log| flow_log.needs_role);
    if needs_role {
        planner.role_steps();
    }
    planner.log_group_step();
    planner
        .steps
        .extend(flow_logs.into_iter().map(|flow_log| flow_log.step));
    planner.finish()
}

struct Planner<'a> {
    wish: &'a Wish,
    account: &'a Account,
    observed: &'a Observed,
    settings: Settings,
    role_arn: String,
    steps: Vec<Step>,
    notes: Vec<String>,
    obstacles: Vec<Obstacle>,
}

impl<'a> Planner<'a> {
    fn new(wish: &'a Wish, account: &'a Account, observed: &'a Observed) -> Planner<'a> {
        let mut settings = Settings {
            destination: Destination::LogGroup(wish.log_group.clone()),
            traffic: wish.traffic,
            interval: wish.interval,
            format: wish.format.clone(),
            format_without_ecs: wish.format_without_ecs.clone(),
            tag_fields: wish.tag_fields.clone(),
        };
        let mut notes = Vec::new();
        // The group has one format: what was left out of it once stays so.
        let lacks_ecs = |log: &&FlowLog| log.format().ok() == settings.format_without_ecs;
        if settings.format_without_ecs.is_some()
            && let Some(flow_log) = observed.flow_logs.iter().find(lacks_ecs)
        {
            settings.leave_out_ecs();
            notes.push(format!(
                "the ecs-* fields are left out, as by {}, which writes to the same log group",
                flow_log.id
            ));
        }
        let role_arn = match &observed.role {
            Some(role) => role.arn.clone(),
            None => account.role_arn(&wish.role_name(account)),
        };
        Planner {
            wish,
            account,
            observed,
            settings,
            role_arn,
            steps: Vec::new(),
            notes,
            obstacles: Vec::new(),
        }
    }

    fn finish(self) -> Result<Plan> {
        if !self.obstacles.is_empty() {
            return Err(Error::Blocked {
                obstacles: self.obstacles,
            });
        }
        Ok(Plan {
            account: self.account.clone(),
            steps: self.steps,
            notes: self.notes,
        })
    }

    fn check_resources(&mut self) {
        let region = self.account.region();
        let no_resource = |resource: &Resource| Obstacle::NoResource {
            resource: resource.clone(),
            region: region.to_owned(),
        };
        self.obstacles
            .extend(self.observed.missing_resources.iter().map(no_resource));
    }

    fn check_formats(&mut self) {
        let others = self
            .observed
            .flow_logs
            .iter()
            .filter(|log| !self.settings.has_format_of(log));
        self.obstacles
            .extend(others.map(|flow_log| Obstacle::OtherFormat {
                flow_log_id: flow_log.id.clone(),
                resource_id: flow_log.resource_id.clone(),
                log_group: flow_log.log_group.clone(),
                log_format: flow_log.log_format.clone(),
            }));
    }

    /// Named fields that AWS leaves empty without a tag key.
    fn check_tag_fields(&mut self) {
        if !self.wish.tag_fields.is_empty() {
            return;
        }
        let fields = self.settings.format.fields().iter();
        let empty = fields.filter_map(|field| match field {
            FormatField::Known(field) if is_tag_field(*field) => Some(field.name()),
            _ => None,
        });
        let empty: Vec<&str> = empty.collect();
        if !empty.is_empty() {
            self.notes.push(format!(
                "AWS fills {} only for tag keys that are chosen: name them with --tag-field",
                empty.join(", ")
            ));
        }
    }

    /// Flow logs that record the same traffic elsewhere, which AWS bills twice.
    /// Another format means another log group, and then the old one is one of
    /// these until the new one delivers.
    fn note_doubles(&mut self) {
        for flow_log in &self.observed.elsewhere {
            let FlowLog {
                id,
                resource_id,
                log_group,
                ..
            } = flow_log;
            let way = if flow_log.tags.is_managed() {
                format!(
                    ": once this one delivers, `vpcflow teardown --log-group {log_group} \
                     --keep-logs` ends it without a gap"
                )
            } else {
                String::new()
            };
            self.notes.push(format!(
                "{id} records `{resource_id}` to `{log_group}` too, and AWS bills both{way}"
            ));
        }
    }

    /// Flow logs of ours in the group that are not asked for: a set-up adds,
    /// a teardown removes.
    fn note_others(&mut self) {
        let is_wished = |log: &&FlowLog| {
            let mut wished = self.wish.resources.iter();
            wished.any(|resource| resource.id() == log.resource_id)
        };
        let flow_logs = self.observed.flow_logs.iter();
        let others = flow_logs.filter(|log| log.tags.is_managed() && !is_wished(log));
        let others: Vec<String> = others
            .map(|log| format!("{} of {}", log.id, log.resource_id))
            .collect();
        if !others.is_empty() {
            let others = others.join(", ");
            self.notes
                .push(format!("not asked for now, but left as it is: {others}"));
        }
    }
}

#[cfg(test)]
mod tests;
