use super::*;
use crate::OnFailure;
use crate::fake_aws::FakeAws;
use crate::wish::Wish;

const GROUP: &str = "/flows";

/// An account whose set-up has just been torn down, and the plan of that.
async fn torn_down() -> (FakeAws, Plan) {
    let aws = FakeAws::new(&["vpc-0a"]);
    let wish = Wish::builder()
        .resource("vpc-0a".parse().unwrap())
        .log_group(GROUP)
        .build()
        .unwrap();
    let provisioner = aws.provisioner();
    let plan = provisioner.plan_setup(&wish).await.unwrap();
    let applied = provisioner
        .apply(&plan, OnFailure::TakeBack, &mut |_| {})
        .await;
    applied.unwrap();
    let plan = provisioner.plan_teardown(GROUP, false).await.unwrap();
    let applied = provisioner
        .apply(&plan, OnFailure::TakeBack, &mut |_| {})
        .await;
    applied.unwrap();
    (aws, plan)
}

/// DescribeFlowLogs, which still shows one of ours.
fn lingering() -> String {
    let tag = "<item><key>vpcflow:managed-by</key><value>vpcflow</value></item>";
    format!(
        "<DescribeFlowLogsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
         <flowLogSet><item><flowLogId>fl-1</flowLogId><resourceId>vpc-0a</resourceId>\
         <logGroupName>{GROUP}</logGroupName><tagSet>{tag}</tagSet></item></flowLogSet>\
         </DescribeFlowLogsResponse>"
    )
}

async fn await_removal(aws: &FakeAws, plan: &Plan) -> (Result<Removal>, Vec<Duration>) {
    let mut waits = Vec::new();
    let mut on_lingering = |left: &Plan, next: Duration| {
        assert_eq!(left.summary(), "1 to delete");
        waits.push(next);
    };
    let provisioner = aws.provisioner();
    let removal = provisioner.await_removal(plan, GROUP, false, &mut on_lingering);
    (removal.await, waits)
}

#[tokio::test]
async fn waits_until_aws_shows_nothing() {
    let (aws, plan) = torn_down().await;
    let (removal, waits) = await_removal(&aws, &plan).await;
    assert_eq!(removal.unwrap(), Removal::default());
    assert!(waits.is_empty());

    aws.answer_with("ec2:DescribeFlowLogs", &[&lingering(), &lingering()]);
    let (removal, waits) = await_removal(&aws, &plan).await;
    assert_eq!(removal.unwrap(), Removal::default());
    assert_eq!(waits, [500, 1000].map(Duration::from_millis));
}

#[tokio::test]
async fn gives_up_after_a_minute_and_names_what_is_left() {
    let (aws, plan) = torn_down().await;
    let lingering = lingering();
    aws.answer_with("ec2:DescribeFlowLogs", &[lingering.as_str(); 30]);
    let (removal, waits) = await_removal(&aws, &plan).await;
    let error = removal.unwrap_err();
    assert_eq!(
        error.to_string(),
        "AWS still shows what was deleted: vpc-0a"
    );
    assert!(error.hint().unwrap().contains("repeat the command"));
    assert_eq!(waits.iter().sum::<Duration>(), Duration::from_secs(60));
}

/// A delivery that was under way makes the log group again, without our tag.
#[tokio::test]
async fn a_log_group_that_came_back_is_told() {
    let (aws, plan) = torn_down().await;
    let group = crate::fake_aws::GroupState::default();
    aws.state().groups.insert(GROUP.to_owned(), group);
    let (removal, _) = await_removal(&aws, &plan).await;
    let notes = removal.unwrap().notes;
    assert_eq!(notes.len(), 1);
    assert!(
        notes[0].starts_with("log group `/flows` is there again"),
        "{notes:?}"
    );
}
