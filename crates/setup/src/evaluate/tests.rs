use serde_json::json;

use super::*;

const ARN: &str = "arn:aws:logs:us-east-1:123456789012:log-group:/flows:log-stream:eni-0a-all";

fn put(document: Value) -> Answer {
    let request = Request {
        action: "logs:PutLogEvents",
        resource: Some(ARN),
        service: None,
        context: &[],
    };
    evaluate(&[document], request)
}

fn allow(action: Value, resource: Value) -> Value {
    json!({"Statement": {"Effect": "Allow", "Action": action, "Resource": resource}})
}

#[test]
fn actions_and_resources_have_wildcards() {
    for (action, resource) in [
        ("logs:PutLogEvents", ARN),
        ("LOGS:putlogevents", "*"),
        ("logs:Put*", "arn:aws:logs:*:*:log-group:/flows:*"),
        (
            "*",
            "arn:aws:logs:us-east-?:123456789012:log-group:/fl*s:log-stream:*",
        ),
    ] {
        let answer = put(allow(json!(action), json!(["arn:aws:s3:::b", resource])));
        assert_eq!(answer, Answer::Allowed, "{action} {resource}");
    }
    for (action, resource) in [
        (
            "logs:PutLogEvents",
            "arn:aws:logs:us-east-1:123456789012:log-group:/flows",
        ),
        (
            "logs:PutLogEvents",
            "arn:aws:logs:us-east-1:123456789012:log-group:/flow:*",
        ),
        ("logs:Create*", "*"),
        ("logs:PutLogEvent", "*"),
        ("", ""),
    ] {
        let answer = put(allow(json!(action), json!(resource)));
        assert_eq!(answer, Answer::Denied, "{action} {resource}");
    }
}

#[test]
fn what_is_not_named_is_meant_by_the_negations() {
    let all_but = |action: &str, resource: &str| json!({"Statement": [{"Effect": "Allow", "NotAction": action, "NotResource": resource}]});
    assert_eq!(put(all_but("iam:*", "arn:aws:s3:::*")), Answer::Allowed);
    assert_eq!(put(all_but("logs:*", "arn:aws:s3:::*")), Answer::Denied);
    assert_eq!(put(all_but("iam:*", "arn:aws:logs:*")), Answer::Denied);
}

#[test]
fn a_denial_in_any_document_wins() {
    let deny = json!({"Statement": {"Effect": "Deny", "Action": "logs:Put*", "Resource": "*"}});
    let request = Request {
        action: "logs:PutLogEvents",
        resource: Some(ARN),
        service: None,
        context: &[],
    };
    let documents = [allow(json!("*"), json!("*")), deny];
    assert_eq!(evaluate(&documents, request), Answer::Denied);
    assert_eq!(evaluate(&documents[..1], request), Answer::Allowed);
    assert_eq!(evaluate(&[], request), Answer::Denied);
}

#[test]
fn what_cannot_be_told_is_unclear() {
    assert_eq!(put(Value::Null), Answer::Unclear);
    assert_eq!(put(json!({"Statement": []})), Answer::Denied);
    let variable = json!("arn:aws:logs:us-east-1:${aws:PrincipalAccount}:*");
    assert_eq!(put(allow(json!("logs:*"), variable)), Answer::Unclear);
    let mut conditional = allow(json!("logs:*"), json!("*"));
    conditional["Statement"]["Condition"] = json!({"Bool": {"aws:SecureTransport": "true"}});
    assert_eq!(put(conditional.clone()), Answer::Unclear);
    // Certain whatever the rest says.
    conditional["Statement"]["Action"] = json!("s3:*");
    assert_eq!(put(conditional), Answer::Denied);
}

fn assume(trust: &Value, account: &str) -> Answer {
    let arn = format!("arn:aws:ec2:us-east-1:{account}:vpc-flow-log/fl-0a");
    let request = Request {
        action: "sts:AssumeRole",
        resource: None,
        service: Some("vpc-flow-logs.amazonaws.com"),
        context: &[("aws:SourceAccount", account), ("aws:SourceArn", &arn)],
    };
    evaluate(std::slice::from_ref(trust), request)
}

#[test]
fn conditions_of_a_trust_policy_are_compared() {
    let trust = |condition: Value| {
        json!({"Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole", "Condition": condition,
            "Principal": {"Service": ["ec2.amazonaws.com", "vpc-flow-logs.amazonaws.com"]},
        }]})
    };
    let (ours, theirs) = ("123456789012", "210987654321");
    for condition in [
        json!({"StringEquals": {"aws:SourceAccount": ours}}),
        json!({"StringEquals": {"AWS:sourceaccount": ["1", ours]}}),
        json!({"ArnLike": {"aws:SourceArn": "arn:aws:ec2:us-east-1:123456789012:vpc-flow-log/*"}}),
        json!({"StringNotEqualsIfExists": {"aws:SourceAccount": theirs}}),
        json!({"StringEquals": {"aws:SourceAccount": ours}, "ArnEquals": {"aws:SourceArn": "*"}}),
    ] {
        let trust = trust(condition);
        assert_eq!(assume(&trust, ours), Answer::Allowed, "{trust}");
    }
    for condition in [
        json!({"StringEquals": {"aws:SourceAccount": theirs}}),
        json!({"ArnLike": {"aws:SourceArn": "arn:aws:ec2:eu-west-1:*:vpc-flow-log/*"}}),
        json!({"StringNotLike": {"aws:SourceAccount": "1234*"}}),
    ] {
        let trust = trust(condition);
        assert_eq!(assume(&trust, ours), Answer::Denied, "{trust}");
    }
    for condition in [
        json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
        json!({"ForAnyValue:StringEquals": {"aws:SourceAccount": ours}}),
    ] {
        let trust = trust(condition);
        assert_eq!(assume(&trust, ours), Answer::Unclear, "{trust}");
    }
    assert_eq!(assume(&trust(Value::Null), theirs), Answer::Allowed);
}

#[test]
fn a_trust_policy_has_to_name_the_service() {
    let trust = |principal: Value| {
        let action = json!(["sts:AssumeRole", "sts:TagSession"]);
        json!({"Statement": {"Effect": "Allow", "Action": action, "Principal": principal}})
    };
    let ours = "123456789012";
    let lambda = json!({"Service": "lambda.amazonaws.com"});
    assert_eq!(assume(&trust(lambda), ours), Answer::Denied);
    assert_eq!(assume(&trust(json!("*")), ours), Answer::Allowed);
    let user = json!({"AWS": "arn:aws:iam::123456789012:root"});
    assert_eq!(assume(&trust(user), ours), Answer::Denied);
}
