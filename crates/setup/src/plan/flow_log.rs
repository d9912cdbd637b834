//! The flow logs themselves. AWS cannot change one: another setting is another
//! flow log.

use super::changes::Changes;
use super::{Obstacle, Planner};
use crate::flow_logs::{Delivery, FlowLog, FlowLogRequest, Settings};
use crate::resource::{Resource, ResourceKind};
use crate::step::{FlowLogCall, Part, Step, Verb};

/// How many resources one CreateFlowLogs takes here. AWS allows more (300);
/// fewer keep one refusal from being one among hundreds.
const RESOURCES_A_CALL: usize = 100;

/// A step, and whether it is about a flow log that our role delivers.
pub(super) struct FlowLogStep {
    pub(super) step: Step,
    pub(super) needs_role: bool,
}

impl Planner<'_> {
    /// Flow logs to create come last, those of one kind together; what exists
    /// keeps its place in the order of the wish.
    pub(super) fn flow_log_steps(&mut self) -> Vec<FlowLogStep> {
        let mut steps = Vec::new();
        let mut new: Vec<&Resource> = Vec::new();
        for resource in &self.wish.resources {
            let existing: Vec<&FlowLog> = self
                .observed
                .flow_logs
                .iter()
                .filter(|flow_log| flow_log.resource_id == resource.id())
                .collect();
            if existing.is_empty() {
                new.push(resource);
            } else {
                steps.extend(self.existing_flow_log_steps(resource, &existing));
            }
        }
        // What is deleted goes last, when what replaces it is there.
        let (mut deletions, mut steps): (Vec<FlowLogStep>, Vec<FlowLogStep>) = steps
            .into_iter()
            .partition(|flow_log| flow_log.step.verb == Verb::Delete);
        for kind in [
            ResourceKind::Vpc,
            ResourceKind::Subnet,
            ResourceKind::NetworkInterface,
        ] {
            let ids = new.iter().filter(|resource| resource.kind() == kind);
            let ids: Vec<String> = ids.map(|resource| resource.id().to_owned()).collect();
            steps.extend(
                ids.chunks(RESOURCES_A_CALL)
                    .map(|ids| self.creation_step(kind, ids)),
            );
        }
        steps.append(&mut deletions);
        steps
    }

    fn existing_flow_log_steps(
        &mut self,
        resource: &Resource,
        existing: &[&FlowLog],
    ) -> Vec<FlowLogStep> {
        let (own, foreign): (Vec<&FlowLog>, Vec<&FlowLog>) = existing
            .iter()
            .partition(|flow_log| flow_log.tags.is_managed());
        let (fitting, outdated): (Vec<&FlowLog>, Vec<&FlowLog>) = own
            .iter()
            .partition(|flow_log| self.difference(flow_log).is_none());
        let (fitting_foreign, differing): (Vec<&FlowLog>, Vec<&FlowLog>) = foreign
            .iter()
            .partition(|flow_log| self.settings.difference(flow_log).is_none());

        let kept = match (fitting.first(), fitting_foreign.first()) {
            (Some(flow_log), _) => self.kept_step(flow_log),
            (None, Some(flow_log)) => kept_foreign_step(flow_log),
            (None, None) => {
                self.obstacles.extend(
                    differing
                        .iter()
                        .map(|log| foreign_obstacle(&self.settings, log)),
                );
                let replacement = self.replacement_step(resource, &outdated);
                let old = outdated.iter().map(|log| deletion_step(log, "is replaced"));
                return [replacement].into_iter().chain(old).collect();
            }
        };
        // An earlier replacement got as far as creating the new one.
        let leftover = outdated
            .iter()
            .map(|log| deletion_step(log, "another one does what is wanted"));
        [kept].into_iter().chain(leftover).collect()
    }

    /// In what a flow log of ours is not what is wanted.
    fn difference(&self, flow_log: &FlowLog) -> Option<String> {
        self.settings.difference(flow_log).or_else(|| {
            let is_wanted = flow_log.role_arn.as_ref() == Some(&self.role_arn);
            (!is_wanted).then(|| "its role is another".to_owned())
        })
    }

    fn kept_step(&self, flow_log: &FlowLog) -> FlowLogStep {
        let mut changes = Changes::default();
        let missing = self.wish.regional_tags().missing_from(&flow_log.tags);
        let id = flow_log.id.clone();
        changes.add_tags(missing, |tags| FlowLogCall::Tag { id, tags }.into());
        let kept = with_trouble(flow_log.id.clone(), flow_log);
        let step = changes.into_step(Part::FlowLog, &flow_log.resource_id, kept);
        FlowLogStep {
            step,
            needs_role: true,
        }
    }

    /// Only creates: the old ones go in steps of their own, when nothing can
    /// fail any more. So no traffic goes unrecorded, and the moments that both
    /// record are recorded twice.
    fn replacement_step(&self, resource: &Resource, outdated: &[&FlowLog]) -> FlowLogStep {
        let difference = outdated
            .iter()
            .find_map(|flow_log| self.difference(flow_log));
        let ids: Vec<&str> = outdated
            .iter()
            .map(|flow_log| flow_log.id.as_str())
            .collect();
        let reason = format!("{}: {}", ids.join(", "), difference.unwrap_or_default());
        let mut create = self.request(resource.kind(), vec![resource.id().to_owned()]);
        if self.wish.may_leave_gap {
            create.gives_way = outdated.iter().copied().cloned().collect();
        }
        let call = FlowLogCall::Create(Box::new(create));
        let (verb, part) = (Verb::Replace, Part::FlowLog);
        FlowLogStep {
            step: Step::new(verb, part, resource.id(), reason, vec![call.into()]),
            needs_role: true,
        }
    }

    fn creation_step(&self, kind: ResourceKind, ids: &[String]) -> FlowLogStep {
        let step = Step {
            verb: Verb::Create,
            part: Part::FlowLog,
            names: ids.to_vec(),
            reason: self.settings.to_string(),
            calls: vec![FlowLogCall::Create(Box::new(self.request(kind, ids.to_vec()))).into()],
        };
        FlowLogStep {
            step,
            needs_role: true,
        }
    }

    fn request(&self, kind: ResourceKind, resource_ids: Vec<String>) -> FlowLogRequest {
        FlowLogRequest {
            kind,
            resource_ids,
            settings: self.settings.clone(),
            role_arn: self.role_arn.clone(),
            tags: self.wish.regional_tags(),
            known_ids: self
                .observed
                .flow_logs
                .iter()
                .map(|log| log.id.clone())
                .collect(),
            gives_way: Vec::new(),
        }
    }
}

fn foreign_obstacle(settings: &Settings, flow_log: &FlowLog) -> Obstacle {
    Obstacle::ForeignFlowLog {
        flow_log_id: flow_log.id.clone(),
        resource_id: flow_log.resource_id.clone(),
        difference: settings.difference(flow_log).unwrap_or_default(),
    }
}

fn kept_foreign_step(flow_log: &FlowLog) -> FlowLogStep {
    let reason = with_trouble(format!("{}, not made by vpcflow", flow_log.id), flow_log);
    let step = Step::keep(Part::FlowLog, &flow_log.resource_id, reason);
    FlowLogStep {
        step,
        needs_role: false,
    }
}

/// The end of a flow log of ours beside one that does what is wanted.
fn deletion_step(flow_log: &FlowLog, reason: &str) -> FlowLogStep {
    let call = FlowLogCall::Delete {
        id: flow_log.id.clone(),
    };
    let step = Step::new(
        Verb::Delete,
        Part::FlowLog,
        &flow_log.resource_id,
        format!("{}: {reason}", flow_log.id),
        vec![call.into()],
    );
    FlowLogStep {
        step,
        needs_role: false,
    }
}

/// That a flow log exists does not mean that it delivers.
fn with_trouble(text: String, flow_log: &FlowLog) -> String {
    match &flow_log.delivery {
        Delivery::Fails { .. } => format!("{text}, but its {}", flow_log.delivery),
        Delivery::Succeeds | Delivery::Unknown => text,
    }
}
