//! The log group that receives the records.

use super::Planner;
use super::changes::Changes;
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
                let reason = format!("keeps events for {}", count(days, "day"));
                let tags = self.wish.regional_tags();
                let create = LogGroupCall::Create {
                    name: name.clone(),
                    tags,
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
        Step::keep(
            Part::LogGroup,
            &group.name,
            "not made by vpcflow: used as it is",
        )
    }
}

fn retention(group: &LogGroup) -> String {
    group
        .retention_days
        .map_or("ever".to_owned(), |days| count(days, "day"))
}
