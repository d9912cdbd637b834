use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use super::*;
use crate::Provisioner;
use crate::script::{Script, config, ec2_error};

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

async fn error_of(code: &str, message: &str) -> Error {
    let script = Script::start([ec2_error(code, message)]).await;
    script
        .provisioner()
        .log_formats("/flows")
        .await
        .unwrap_err()
}

#[tokio::test]
async fn missing_credentials_are_told_from_a_missing_network() {
    let closed = format!("http://127.0.0.1:{}", vpcflow_testkit::unused_port());
    let nobody = config(&closed, SharedCredentialsProvider::new(Nobody));
    let provisioner = Provisioner::new(&nobody).unwrap();
    let error = provisioner.account().await.unwrap_err();
    assert!(matches!(error, Error::NoCredentials { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("--profile"));

    let credentials = Credentials::new("test", "test", None, None, "test");
    let somebody = config(&closed, SharedCredentialsProvider::new(credentials));
    let provisioner = Provisioner::new(&somebody).unwrap();
    let error = provisioner.account().await.unwrap_err();
    assert!(matches!(error, Error::NoAnswer { .. }), "{error:?}");
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
        "allow the caller `ec2:DescribeFlowLogs`"
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
        source: Box::new(source),
    };
    assert_eq!(
        error.to_string(),
        "could not create the role `r` (1 of 5 changes done)"
    );
    assert!(!error.to_string().contains(&cause));
    assert_eq!(StdError::source(&error).unwrap().to_string(), cause);
    assert_eq!(error.hint().unwrap(), "allow the caller `iam:CreateRole`");
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
