//! The log group that receives the records.

use super::changes::Changes;
use super::{Obstacle, Planner};
use crate::log_class::LogClass;
use crate::observe::LogGroup;
use crate::step::{LogGroupCall, Part, Step, Verb};
use crate::text::count;
use crate::wish::DEFAULT_RETENTION_DAYS;

impl Planner<'_> {
    pub(super) fn log_group_step(&mut self) {
        let name = self.wish.log_group.clone();
        let step = match &self.observed.log_group {
            None => {
                let days = self.wish.retention_days.unwrap_or(DEFAULT_RETENTION_DAYS);
                let reason = self.new_log_group_reason(days);
                let create = LogGroupCall::Create {
                    name: name.clone(),
                    class: self.wish.log_class,
                    kms_key: self.wish.kms_key.clone(),
                    tags: self.wish.regional_tags(),
                };
                let retain = LogGroupCall::Retain {
                    name: name.clone(),
                    days,
                };
                let calls = vec![create.into(), retain.into()];
                Step::new(Verb::Create, Part::LogGroup, name, reason, calls)
            }
            Some(group) if group.tags.is_managed() => self.own_log_group_step(group),
            Some(group) => self.foreign_log_group_step(group),
        };
        self.steps.push(step);
    }

    fn new_log_group_reason(&self, days: u32) -> String {
        let mut reason = format!("keeps events for {}", count(days, "day"));
        if let Some(class) = self.wish.log_class {
            reason.push_str(&format!(", class {class}"));
        }
        if let Some(key) = &self.wish.kms_key {
            reason.push_str(&format!(", encrypted with {}", key_id(key)));
        }
        reason
    }

    /// What cannot be read with `FilterLogEvents` cannot be followed.
    pub(super) fn check_log_class(&mut self) {
        let existing = self.observed.log_group.as_ref();
        if let (Some(wished), Some(group)) = (self.wish.log_class, existing)
            && wished != group.class
        {
            self.obstacles.push(Obstacle::OtherClass {
                log_group: group.name.clone(),
                class: group.class,
                wished,
            });
            return;
        }
        let class = existing.map(|group| group.class).or(self.wish.log_class);
        if class.unwrap_or_default() != LogClass::Standard {
            self.notes.push(format!(
                "log group `{}` is not of the class standard: AWS then offers Logs Insights, but \
                 not the calls that `vpcflow tail` and `vpcflow sql` read with",
                self.wish.log_group
            ));
        }
    }

    fn own_log_group_step(&self, group: &LogGroup) -> Step {
        // Without a retention, an earlier set-up did not get so far.
        let unfinished = group
            .retention_days
            .is_none()
            .then_some(DEFAULT_RETENTION_DAYS);
        let wished = self.wish.retention_days.or(unfinished);
        let mut changes = Changes::default();
        if let Some(days) = wished
            && wished != group.retention_days
        {
            let call = LogGroupCall::Retain {
                name: group.name.clone(),
                days,
            };
            let mut reason = format!(
                "keeps events for {}, not {}",
                count(days, "day"),
                retention(group)
            );
            if group.retention_days.is_none_or(|present| present > days) {
                reason.push_str(": deletes older ones");
            }
            changes.add(reason, vec![call.into()]);
        }
        if let Some(key) = &self.wish.kms_key
            && self.wish.kms_key != group.kms_key
        {
            let call = LogGroupCall::Encrypt {
                name: group.name.clone(),
                kms_key: key.clone(),
            };
            let reason = format!("encrypts new events with {}", key_id(key));
            changes.add(reason, vec![call.into()]);
        }
        let missing = self.wish.regional_tags().missing_from(&group.tags);
        let name = group.name.clone();
        changes.add_tags(missing, |tags| LogGroupCall::Tag { name, tags }.into());
        let kept = format!("keeps events for {}", retention(group));
        changes.into_step(Part::LogGroup, &group.name, kept)
    }

    fn foreign_log_group_step(&mut self, group: &LogGroup) -> Step {
        if let Some(days) = self.wish.retention_days
            && self.wish.retention_days != group.retention_days
        {
            self.notes.push(format!(
                "log group `{}` goes on keeping events for {}, not {}",
                group.name,
                retention(group),
                count(days, "day")
            ));
        }
        if let Some(key) = &self.wish.kms_key
            && self.wish.kms_key != group.kms_key
        {
            self.notes.push(format!(
                "log group `{}` is not encrypted with `{key}`, and stays so",
                group.name
            ));
        }
        Step::keep(
            Part::LogGroup,
            &group.name,
            "not made by vpcflow: used as it is",
        )
    }
}

/// The last part of a key's ARN: `key/0a1b…`.
fn key_id(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

fn retention(group: &LogGroup) -> String {
    group
        .retention_days
        .map_or("ever".to_owned(), |days| count(days, "day"))
}
