use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_ec2::operation::describe_flow_logs::DescribeFlowLogsOutput;
use aws_smithy_mocks::{MockResponseInterceptor, create_mock_http_client, mock};

use super::*;
use crate::Provisioner;
use crate::apply::Aftermath;
use crate::fake_aws::{FakeAws, Fault};

#[derive(Debug)]
struct Nobody;

impl ProvideCredentials for Nobody {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("nobody is here")))
    }
}

async fn error_of(code: &'static str, message: &'static str) -> Error {
    let aws = FakeAws::new(&[]);
    let fault = Fault::Refused(code, message);
    aws.fail("ec2:DescribeFlowLogs", fault, usize::MAX);
    aws.provisioner().log_formats("/flows").await.unwrap_err()
}

#[tokio::test]
async fn missing_credentials_are_told_from_a_missing_network() {
    let aws = FakeAws::new(&[]);
    let nobody = SharedCredentialsProvider::new(Nobody);
    let config = aws.config().into_builder().credentials_provider(nobody);
    let provisioner = Provisioner::new(&config.build()).unwrap();
    let error = provisioner.account().await.unwrap_err();
    assert!(matches!(error, Error::NoCredentials { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("--profile"));

    aws.fail("sts:GetCallerIdentity", Fault::Dropped, usize::MAX);
    let error = aws.provisioner().account().await.unwrap_err();
    assert!(matches!(error, Error::NoAnswer { .. }), "{error:?}");
}

/// AWS throttles for a moment: the SDK repeats, and nobody notices.
#[tokio::test]
async fn what_the_sdk_repeats_is_no_error() {
    let busy = mock!(aws_sdk_ec2::Client::describe_flow_logs)
        .sequence()
        .http_status(503, None)
        .times(2)
        .output(|| DescribeFlowLogsOutput::builder().build())
        .build();
    let aws = FakeAws::new(&[]);
    let config = aws_sdk_ec2::config::Builder::from(&aws.config())
        .http_client(create_mock_http_client())
        .interceptor(MockResponseInterceptor::new().with_rule(&busy));
    let mut provisioner = aws.provisioner();
    provisioner.ec2 = aws_sdk_ec2::Client::from_conf(config.build());
    assert_eq!(provisioner.log_formats("/flows").await.unwrap(), []);
    assert_eq!(busy.num_calls(), 3);
}

#[test]
fn a_region_is_needed_first() {
    let config = aws_config::SdkConfig::builder().build();
    let error = Provisioner::new(&config).unwrap_err();
    assert!(matches!(error, Error::NoRegion));
    assert!(error.hint().unwrap().contains("--region"));
}

#[tokio::test]
async fn refusals_are_sorted_by_what_to_do_about_them() {
    let denied = error_of("UnauthorizedOperation", "You are not authorized").await;
    assert_eq!(
        denied.to_string(),
        "access denied for `ec2:DescribeFlowLogs`: You are not authorized"
    );
    assert_eq!(
        denied.hint().unwrap(),
        "allow the caller `ec2:DescribeFlowLogs`; `vpcflow setup --print-permissions` prints all \
         that is needed"
    );

    let expired = error_of("RequestExpired", "Request has expired").await;
    assert!(matches!(expired, Error::CredentialsRefused { .. }));
    assert!(expired.hint().unwrap().contains("log in again"));

    let throttled = error_of("RequestLimitExceeded", "Request limit exceeded").await;
    assert!(throttled.hint().unwrap().contains("throttling"));

    let odd = error_of("InternalError", "An internal error").await;
    assert_eq!(
        odd.to_string(),
        "`ec2:DescribeFlowLogs` failed with `InternalError`: An internal error"
    );
    assert_eq!(odd.hint(), None);
}

#[test]
fn a_denied_flow_log_may_be_a_denied_role() {
    let message = "You are not authorized to perform this operation".to_owned();
    let error = Error::AccessDenied {
        action: "ec2:CreateFlowLogs",
        message,
    };
    assert!(error.hint().unwrap().contains("`iam:PassRole`"));
}

#[tokio::test]
async fn a_role_that_may_not_be_passed_is_told_as_such() {
    let message = "User: me is not authorized to perform: iam:PassRole on resource: r";
    let error = error_of("UnauthorizedOperation", message).await;
    assert!(matches!(error, Error::PassRole { .. }), "{error:?}");
    assert!(
        error
            .hint()
            .unwrap()
            .starts_with("allow the caller `iam:PassRole`")
    );
}

#[test]
fn no_display_repeats_its_source() {
    let source = Error::AccessDenied {
        action: "iam:CreateRole",
        message: "no".to_owned(),
    };
    let cause = source.to_string();
    let error = Error::Step {
        verb: Verb::Create,
        part: Part::Role,
        name: "r".to_owned(),
        done: 1,
        total: 5,
        aftermath: Box::new(Aftermath::default()),
        source: Box::new(source),
    };
    assert_eq!(
        error.to_string(),
        "could not create the role `r` (step 2 of 5)"
    );
    assert!(!error.to_string().contains(&cause));
    assert_eq!(StdError::source(&error).unwrap().to_string(), cause);
    assert!(
        error
            .hint()
            .unwrap()
            .starts_with("allow the caller `iam:CreateRole`")
    );
}

#[test]
fn hints_of_several_obstacles_are_given_once() {
    let missing = |id: &str| Obstacle::NoResource {
        resource: id.parse().unwrap(),
        region: "eu-west-1".to_owned(),
    };
    let error = Error::Blocked {
        obstacles: vec![missing("vpc-0a"), missing("vpc-0b")],
    };
    assert_eq!(
        error.hint().unwrap(),
        "check the id, --region and --profile"
    );
    assert_eq!(
        error.to_string(),
        "this cannot be set up: there is no VPC `vpc-0a` in eu-west-1; \
         there is no VPC `vpc-0b` in eu-west-1"
    );
}
