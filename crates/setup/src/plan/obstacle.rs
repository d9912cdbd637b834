//! What stands in the way of a wish.

use thiserror::Error;

use crate::log_class::LogClass;
use crate::resource::Resource;

/// Why a wish cannot be set up as things are. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Obstacle {
    /// A resource does not exist in this account and region.
    #[error("there is no {} `{resource}` in {region}", resource.kind())]
    NoResource {
        /// The resource.
        resource: Resource,
        /// The region that was searched.
        region: String,
    },
    /// Records of two formats would mix in one log group, where nothing tells
    /// them apart.
    #[error(
        "flow log `{flow_log_id}` of `{resource_id}` already writes to `{log_group}` with other \
         fields: `{log_format}`"
    )]
    OtherFormat {
        /// The flow log that exists.
        flow_log_id: String,
        /// What it watches.
        resource_id: String,
        /// The log group.
        log_group: String,
        /// Its format.
        log_format: String,
    },
    /// A log group has another class than is wanted, and cannot change it.
    #[error("log group `{log_group}` is of the class {class}, not {wished}")]
    OtherClass {
        /// The log group.
        log_group: String,
        /// The class that it has.
        class: LogClass,
        /// The class that is wanted.
        wished: LogClass,
    },
    /// A flow log that vpcflow did not make watches the same resource into the
    /// same log group, but otherwise.
    #[error(
        "flow log `{flow_log_id}`, which vpcflow did not make, already watches `{resource_id}` \
         into this log group, but {difference}"
    )]
    ForeignFlowLog {
        /// The flow log that exists.
        flow_log_id: String,
        /// What it watches.
        resource_id: String,
        /// In what it differs, for people.
        difference: String,
    },
    /// The role is not vpcflow's and flow logs cannot assume it.
    #[error("role `{name}`, which vpcflow did not make, does not trust the flow logs service")]
    ForeignRole {
        /// The role's name.
        name: String,
    },
    /// vpcflow made the role for another log group or region.
    #[error("role `{name}` delivers to log group `{log_group}` in {region}")]
    RoleOfOtherGroup {
        /// The role's name.
        name: String,
        /// The log group that it serves.
        log_group: String,
        /// The region of that log group.
        region: String,
    },
    /// Something else has the name of the delivery policy.
    #[error("policy `{arn}` exists, but vpcflow did not make it")]
    ForeignPolicy {
        /// The policy's ARN.
        arn: String,
    },
}

impl Obstacle {
    /// The way out.
    pub fn hint(&self) -> String {
        match self {
            Obstacle::NoResource { .. } => "check the id, --region and --profile",
            Obstacle::OtherFormat { .. } => {
                "a log group holds one format: name another --log-group, or the same --fields"
            }
            Obstacle::OtherClass { .. } => {
                "AWS cannot change the class of a log group: name another --log-group"
            }
            Obstacle::ForeignFlowLog { .. } => {
                "name another --log-group, ask for the same settings, or delete that flow log"
            }
            Obstacle::ForeignRole { .. } => {
                "let the role trust `vpc-flow-logs.amazonaws.com`, or name another --role-name"
            }
            Obstacle::RoleOfOtherGroup { .. } => {
                "leave --role-name out for a role of its own, or name another one"
            }
            Obstacle::ForeignPolicy { .. } => {
                "delete or rename that policy, or name a role that may deliver with --role-name"
            }
        }
        .to_owned()
    }
}
