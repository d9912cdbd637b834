//! The plan of a set-up: a pure function of what is wanted and what exists.

use crate::account::Account;
use crate::error::{Error, Result};
use crate::flow_logs::Settings;
use crate::observe::Observed;
use crate::resource::Resource;
use crate::step::{Plan, Step};
use crate::wish::Wish;

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
    planner.check_tag_fields();
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
        let settings = Settings {
            log_group: wish.log_group.clone(),
            traffic: wish.traffic,
            interval: wish.interval,
            format: wish.format.clone(),
        };
        let role_arn = match &observed.role {
            Some(role) => role.arn.clone(),
            None => account.role_arn(&wish.role_name(account)),
        };
        let (steps, notes, obstacles) = (Vec::new(), Vec::new(), Vec::new());
        Planner {
            wish,
            account,
            observed,
            settings,
            role_arn,
            steps,
            notes,
            obstacles,
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

    fn check_tag_fields(&mut self) {
        let fields = self.wish.format.fields().iter().map(|field| field.name());
        let tag_fields: Vec<&str> = fields.filter(|name| is_tag_field(name)).collect();
        if !tag_fields.is_empty() {
            self.notes.push(format!(
                "AWS fills {} only for tag keys that are chosen with the flow log, which vpcflow \
                 does not do",
                tag_fields.join(", ")
            ));
        }
    }
}

/// `instance-tag`, `interface-tag-2` and the like, of version 11:
/// <https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html>.
fn is_tag_field(name: &str) -> bool {
    name.strip_suffix("-2").unwrap_or(name).ends_with("-tag")
}

#[cfg(test)]
mod tests;
