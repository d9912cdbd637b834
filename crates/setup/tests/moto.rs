//! The whole crate against moto, an emulator of AWS. It proves that the calls
//! have the right shape and are made in an order that works. It proves nothing
//! about permissions, quotas or the time that IAM takes: moto has none.
//!
//! Without moto these tests say so and pass; see [`vpcflow_testkit::Moto`].

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use vpcflow_record::Format;
use vpcflow_setup::{
    Applied, Error, Interval, Obstacle, OnFailure, Part, Plan, Progress, Provisioner, Resource,
    Status, Streams, Tag, Topic, Verb, Wish, WishBuilder,
};
use vpcflow_testkit::Moto;

const GROUP: &str = "/flows";
/// Some time before the flow logs are made: their first records are not due.
const NOW_MS: i64 = 0;
const TRUST_FLOW_LOGS: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
    "Principal": {"Service": "vpc-flow-logs.amazonaws.com"}, "Action": "sts:AssumeRole"}]}"#;

/// One server for all: a start takes seconds.
#[tokio::test]
async fn against_moto() {
    let Some(moto) = Moto::start() else { return };
    sets_up_and_tears_down(&aws(&moto)).await;
    finishes_what_was_interrupted(&aws(&moto)).await;
    puts_drift_right(&aws(&moto)).await;
    removes_what_was_half_made(&aws(&moto)).await;
    leaves_alone_what_is_not_ours(&aws(&moto)).await;
    names_what_does_not_exist(&aws(&moto)).await;
    never_loses_a_flow_log_that_cannot_be_replaced(&aws(&moto)).await;
    tells_the_formats_of_a_group(&aws(&moto)).await;
}

/// A fresh account with a VPC, a subnet and a network interface.
struct Aws {
    provisioner: Provisioner,
    ec2: aws_sdk_ec2::Client,
    iam: aws_sdk_iam::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
}

fn aws(moto: &Moto) -> Aws {
    moto.reset();
    let credentials = Credentials::new("test", "test", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(moto.endpoint_url())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    Aws {
        provisioner: Provisioner::new(&config).unwrap(),
        ec2: aws_sdk_ec2::Client::new(&config),
        iam: aws_sdk_iam::Client::new(&config),
        logs: aws_sdk_cloudwatchlogs::Client::new(&config),
    }
}

impl Aws {
    async fn vpc(&self) -> Resource {
        let vpc = self
            .ec2
            .create_vpc()
            .cidr_block("10.0.0.0/16")
            .send()
            .await
            .unwrap();
        vpc.vpc().unwrap().vpc_id().unwrap().parse().unwrap()
    }

    async fn subnet(&self, vpc: &Resource) -> Resource {
        let request = self
            .ec2
            .create_subnet()
            .vpc_id(vpc.id())
            .cidr_block("10.0.0.0/24");
        let subnet = request.send().await.unwrap();
        subnet
            .subnet()
            .unwrap()
            .subnet_id()
            .unwrap()
            .parse()
            .unwrap()
    }

    async fn network_interface(&self, subnet: &Resource) -> Resource {
        let request = self.ec2.create_network_interface().subnet_id(subnet.id());
        let eni = request.send().await.unwrap();
        eni.network_interface()
            .unwrap()
            .network_interface_id()
            .unwrap()
            .parse()
            .unwrap()
    }

    async fn apply(&self, plan: &Plan) -> Result<Applied, Error> {
        let mut finished = 0;
        let mut on_progress = |progress: Progress<'_>| {
            if let Progress::Finished { number, .. } = progress {
                finished = number;
            }
        };
        let applied = self
            .provisioner
            .apply(plan, OnFailure::TakeBack, &mut on_progress)
            .await?;
        assert_eq!(applied.changes, finished);
        Ok(applied)
    }

    async fn status(&self, log_groups: &[&str]) -> Status {
        let log_groups: Vec<String> = log_groups.iter().map(|name| (*name).to_owned()).collect();
        self.provisioner.status(&log_groups, NOW_MS).await.unwrap()
    }

    /// Plans and applies.
    async fn set_up(&self, wish: &Wish) -> Applied {
        let plan = self.provisioner.plan_setup(wish).await.unwrap();
        self.apply(&plan).await.unwrap()
    }

    async fn tear_down(&self) -> Applied {
        let plan = self.provisioner.plan_teardown(GROUP, false).await.unwrap();
        self.apply(&plan).await.unwrap()
    }

    /// Everything that a set-up could have made, by name or id.
    async fn inventory(&self) -> Vec<String> {
        let mut all = Vec::new();
        let roles = self.iam.list_roles().send().await.unwrap();
        all.extend(roles.roles().iter().map(|role| role.role_name().to_owned()));
        let policies = self
            .iam
            .list_policies()
            .scope("Local".into())
            .send()
            .await
            .unwrap();
        all.extend(
            policies
                .policies()
                .iter()
                .filter_map(|p| p.arn().map(str::to_owned)),
        );
        let groups = self.logs.describe_log_groups().send().await.unwrap();
        all.extend(
            groups
                .log_groups()
                .iter()
                .filter_map(|g| g.log_group_name.clone()),
        );
        let flow_logs = self.ec2.describe_flow_logs().send().await.unwrap();
        all.extend(
            flow_logs
                .flow_logs()
                .iter()
                .filter_map(|f| f.flow_log_id.clone()),
        );
        all
    }
}

fn wish_for(resource: &Resource) -> WishBuilder {
    Wish::builder().resource(resource.clone()).log_group(GROUP)
}

fn verbs(plan: &Plan) -> Vec<(Verb, Part)> {
    plan.steps
        .iter()
        .map(|step| (step.verb, step.part))
        .collect()
}

async fn sets_up_and_tears_down(aws: &Aws) {
    let vpc = aws.vpc().await;
    let subnet = aws.subnet(&vpc).await;
    let eni = aws.network_interface(&subnet).await;
    let wish = wish_for(&vpc)
        .resource(subnet.clone())
        .resource(eni.clone())
        .interval(Interval::OneMinute)
        .fields(Format::parse("srcaddr dstaddr action field-of-tomorrow").unwrap())
        .retention_days(7)
        .tag("team=net ops".parse::<Tag>().unwrap())
        .build()
        .unwrap();

    let before = aws.inventory().await;
    let plan = aws.provisioner.plan_setup(&wish).await.unwrap();
    assert_eq!(plan.summary(), "7 to create");
    assert_eq!(aws.inventory().await, before, "planning writes nothing");

    let applied = aws.apply(&plan).await.unwrap();
    assert_eq!((applied.changes, applied.flow_logs.len()), (7, 3));

    let again = aws.provisioner.plan_setup(&wish).await.unwrap();
    assert!(again.is_done(), "{again}");
    assert_eq!(aws.apply(&again).await.unwrap(), Applied::default());

    let status = aws.status(&[GROUP]).await;
    assert!(status.is_healthy(), "{status}");
    let of_all = aws.status(&[]).await;
    assert_eq!(
        (&status.flow_logs, &status.log_groups, &status.unseen),
        (&of_all.flow_logs, &of_all.log_groups, &of_all.unseen)
    );
    let mut watched: Vec<&str> = status
        .flow_logs
        .iter()
        .map(|flow_log| flow_log.resource_id.as_str())
        .collect();
    watched.sort_unstable();
    assert_eq!(watched, [eni.id(), subnet.id(), vpc.id()]);
    let flow_log = &status.flow_logs[0];
    assert_eq!(flow_log.interval_seconds, 60);
    assert_eq!(
        flow_log.log_format,
        "${srcaddr} ${dstaddr} ${action} ${field-of-tomorrow}"
    );
    assert_eq!(flow_log.tags.get("team"), Some("net ops"));
    let group = &status.log_groups[0];
    assert_eq!(group.existing.seen().unwrap().retention_days, Some(7));
    assert_eq!(group.is_managed, Some(true));
    assert_eq!(group.streams, Some(Streams::default()));
    let interfaces = group.interfaces.as_ref().unwrap();
    assert_eq!((interfaces.len(), &*interfaces[0].id), (1, eni.id()));
    // The VPC's flow log records the subnet and the interface as well.
    let overlaps = status.checks.iter().filter(|it| it.topic == Topic::Overlap);
    assert_eq!(overlaps.count(), 2, "{status}");

    let plan = aws.provisioner.plan_teardown(GROUP, false).await.unwrap();
    assert_eq!(plan.summary(), "7 to delete");
    aws.apply(&plan).await.unwrap();
    assert_eq!(aws.inventory().await, before);
    let nothing = aws.provisioner.plan_teardown(GROUP, false).await.unwrap();
    assert!(nothing.steps.is_empty(), "{nothing}");
    assert!(!aws.status(&[GROUP]).await.is_healthy());
}

/// A plan that stops in the middle, here because its VPC is gone by then.
async fn finishes_what_was_interrupted(aws: &Aws) {
    let before = aws.inventory().await;
    let vpc = aws.vpc().await;
    let doomed = aws.vpc().await;
    // First, as moto leaves what it made before a failure without its tags.
    let both = wish_for(&doomed).resource(vpc.clone()).build().unwrap();
    let plan = aws.provisioner.plan_setup(&both).await.unwrap();
    aws.ec2
        .delete_vpc()
        .vpc_id(doomed.id())
        .send()
        .await
        .unwrap();
    let error = aws.apply(&plan).await.unwrap_err();
    let text = error.to_string();
    let step = format!(
        "the flow log `{} and {}` (step 5 of 5",
        doomed.id(),
        vpc.id()
    );
    assert!(text.contains(&step), "{text}");
    assert_eq!(
        error.hint().unwrap(),
        "check the id, --region and --profile"
    );
    assert_eq!(aws.inventory().await, before, "{text}");

    let wish = wish_for(&vpc).build().unwrap();
    aws.set_up(&wish).await;
    let status = aws.status(&[]).await;
    assert_eq!(status.flow_logs.len(), 1);
    assert!(aws.provisioner.plan_setup(&wish).await.unwrap().is_done());

    // The same plan once more: nothing in it is an error because it exists.
    let old_plan_again = aws.provisioner.plan_teardown(GROUP, false).await.unwrap();
    aws.apply(&old_plan_again).await.unwrap();
    aws.apply(&old_plan_again).await.unwrap();
}

async fn puts_drift_right(aws: &Aws) {
    let vpc = aws.vpc().await;
    let wish = wish_for(&vpc).build().unwrap();
    aws.set_up(&wish).await;
    let account = aws.provisioner.account().await.unwrap();
    let name = account.delivery_name(GROUP);
    let policy_arn = account.policy_arn(&name);

    let allow_all = r#"{"Version": "2012-10-17", "Statement":
        {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
    for _ in 0..4 {
        let request = aws.iam.create_policy_version().policy_arn(&policy_arn);
        request
            .policy_document(allow_all)
            .set_as_default(true)
            .send()
            .await
            .unwrap();
    }
    let request = aws.iam.update_assume_role_policy().role_name(&name);
    request
        .policy_document(TRUST_FLOW_LOGS)
        .send()
        .await
        .unwrap();
    let request = aws.iam.detach_role_policy().role_name(&name);
    request.policy_arn(&policy_arn).send().await.unwrap();
    aws.logs
        .delete_retention_policy()
        .log_group_name(GROUP)
        .send()
        .await
        .unwrap();

    let wish = wish_for(&vpc)
        .tag("team=net".parse::<Tag>().unwrap())
        .build()
        .unwrap();
    let plan = aws.provisioner.plan_setup(&wish).await.unwrap();
    assert_eq!(
        verbs(&plan),
        [
            (Verb::Change, Part::Policy),
            (Verb::Change, Part::Role),
            (Verb::Create, Part::Attachment),
            (Verb::Change, Part::LogGroup),
            (Verb::Change, Part::FlowLog),
        ]
    );
    aws.apply(&plan).await.unwrap();
    let again = aws.provisioner.plan_setup(&wish).await.unwrap();
    assert!(again.is_done(), "{again}");
    let versions = aws
        .iam
        .list_policy_versions()
        .policy_arn(&policy_arn)
        .send()
        .await
        .unwrap();
    assert_eq!(versions.versions().len(), 5, "the oldest made room");

    aws.tear_down().await;
    let policies = aws
        .iam
        .list_policies()
        .scope("Local".into())
        .send()
        .await
        .unwrap();
    assert_eq!(policies.policies().len(), 0, "with all its versions");
}

/// A role of a name of its own, without a flow log that would lead to it.
async fn removes_what_was_half_made(aws: &Aws) {
    let before = aws.inventory().await;
    let vpc = aws.vpc().await;
    let wish = wish_for(&vpc)
        .role_name("a-name-of-its-own")
        .build()
        .unwrap();
    let applied = aws.set_up(&wish).await;
    let delete = aws
        .ec2
        .delete_flow_logs()
        .flow_log_ids(&applied.flow_logs[0].id);
    delete.send().await.unwrap();
    aws.logs
        .delete_log_group()
        .log_group_name(GROUP)
        .send()
        .await
        .unwrap();

    let plan = aws.provisioner.plan_teardown(GROUP, false).await.unwrap();
    assert_eq!(
        verbs(&plan),
        [
            (Verb::Delete, Part::Attachment),
            (Verb::Delete, Part::Policy),
            (Verb::Delete, Part::Role)
        ]
    );
    aws.apply(&plan).await.unwrap();
    assert_eq!(aws.inventory().await, before);
}

async fn leaves_alone_what_is_not_ours(aws: &Aws) {
    aws.logs
        .create_log_group()
        .log_group_name(GROUP)
        .send()
        .await
        .unwrap();
    let role = aws.iam.create_role().role_name("theirs");
    role.assume_role_policy_document(TRUST_FLOW_LOGS)
        .send()
        .await
        .unwrap();
    let before = aws.inventory().await;

    let vpc = aws.vpc().await;
    let wish = wish_for(&vpc)
        .role_name("theirs")
        .retention_days(1)
        .build()
        .unwrap();
    let plan = aws.provisioner.plan_setup(&wish).await.unwrap();
    assert_eq!(
        verbs(&plan),
        [
            (Verb::Keep, Part::Role),
            (Verb::Keep, Part::LogGroup),
            (Verb::Create, Part::FlowLog)
        ]
    );
    aws.apply(&plan).await.unwrap();
    assert!(aws.provisioner.plan_setup(&wish).await.unwrap().is_done());

    let plan = aws.provisioner.plan_teardown(GROUP, false).await.unwrap();
    assert_eq!(plan.summary(), "1 to delete, 2 to keep");
    aws.apply(&plan).await.unwrap();
    assert_eq!(aws.inventory().await, before);
    let groups = aws.logs.describe_log_groups().send().await.unwrap();
    assert_eq!(groups.log_groups()[0].retention_in_days(), None);
}

async fn names_what_does_not_exist(aws: &Aws) {
    let vpc = aws.vpc().await;
    let ids = [
        "vpc-0123456789abcdef0",
        "subnet-0123456789abcdef0",
        "eni-0123456789abcdef0",
    ];
    let missing = ids.map(|id| id.parse::<Resource>().unwrap());
    let wish = missing
        .iter()
        .fold(wish_for(&vpc), |wish, id| wish.resource(id.clone()));
    let error = aws
        .provisioner
        .plan_setup(&wish.build().unwrap())
        .await
        .unwrap_err();
    let Error::Blocked { obstacles } = error else {
        panic!("{error}")
    };
    let named: Vec<&Resource> = obstacles
        .iter()
        .map(|obstacle| match obstacle {
            Obstacle::NoResource { resource, .. } => resource,
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(named, missing.iter().collect::<Vec<_>>());
}

/// moto takes two flow logs of one resource and log group for the same, AWS
/// only if their settings are. What counts here: the refusal is no success, and
/// the old flow log is still there.
async fn never_loses_a_flow_log_that_cannot_be_replaced(aws: &Aws) {
    let vpc = aws.vpc().await;
    let applied = aws.set_up(&wish_for(&vpc).build().unwrap()).await;
    let faster = wish_for(&vpc)
        .interval(Interval::OneMinute)
        .build()
        .unwrap();
    let plan = aws.provisioner.plan_setup(&faster).await.unwrap();
    assert_eq!(plan.summary(), "1 to replace, 1 to delete, 4 to keep");

    let Error::Step { source, .. } = aws.apply(&plan).await.unwrap_err() else {
        panic!()
    };
    let Error::FlowLogs { refusals } = *source else {
        panic!("{source}")
    };
    assert_eq!(refusals[0].id, vpc.id());
    assert_eq!(refusals[0].code, "FlowLogAlreadyExists");
    let status = aws.status(&[]).await;
    assert_eq!(status.flow_logs[0].id, applied.flow_logs[0].id);
}

async fn tells_the_formats_of_a_group(aws: &Aws) {
    assert_eq!(aws.provisioner.log_formats(GROUP).await.unwrap(), []);
    let vpc = aws.vpc().await;
    let applied = aws.set_up(&wish_for(&vpc).build().unwrap()).await;
    let formats = aws.provisioner.log_formats(GROUP).await.unwrap();
    assert_eq!(formats.len(), 1);
    assert!(formats[0].format.is_default());
    assert_eq!(formats[0].flow_log_ids, [applied.flow_logs[0].id.clone()]);
    assert_eq!(aws.provisioner.log_formats("/other").await.unwrap(), []);
}
