use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use super::*;
use crate::http;

/// A server that answers `n` requests with their number, and the port of it.
fn counting_server(requests: usize) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        for number in 1..=requests {
            let (mut connection, _) = listener.accept().unwrap();
            assert!(Request::read(&mut connection).unwrap().is_some());
            let answer = format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n{number}"
            );
            connection.write_all(answer.as_bytes()).unwrap();
        }
    });
    (port, server)
}

/// Makes a call as an SDK does; `Err` when there is no answer.
fn call(proxy: &FaultProxy, service: &str, operation: &str, id: &str) -> io::Result<(u16, String)> {
    let scope = format!("AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4");
    let target = format!("Logs_20140328.{operation}");
    let mut headers = vec![("Authorization", scope.as_str())];
    headers.push(("amz-sdk-invocation-id", id));
    let form = format!("Action={operation}&Version=1");
    let body = if service == "logs" {
        headers.push(("X-Amz-Target", &target));
        "{}"
    } else {
        form.as_str()
    };
    http::request(proxy.port, "POST", "/", &headers, body)
}

#[test]
fn a_call_is_known_in_each_protocol_and_counted_once() {
    let (port, server) = counting_server(4);
    let proxy = FaultProxy::start(port);
    for (service, operation, id) in [
        ("ec2", "DescribeVpcs", "1"),
        ("logs", "CreateLogGroup", "2"),
        ("ec2", "DescribeVpcs", "3"),
        ("ec2", "DescribeVpcs", "3"),
    ] {
        assert_eq!(call(&proxy, service, operation, id).unwrap().0, 200);
    }
    server.join().unwrap();
    let expected = [
        ("ec2:DescribeVpcs", 1),
        ("logs:CreateLogGroup", 1),
        ("ec2:DescribeVpcs", 2),
    ];
    let expected = expected.map(|(action, number)| (action.to_owned(), number));
    assert_eq!(proxy.calls(), expected);
    proxy.reset();
    assert_eq!(proxy.calls(), []);
}

#[test]
fn only_the_named_call_fails_and_all_its_attempts_do() {
    let (port, server) = counting_server(3);
    let proxy = FaultProxy::start(port);
    proxy.fail("iam:GetRole", 2, Failure::AccessDenied);
    proxy.fail_once("iam:GetRole", 3, Failure::Throttled);
    let statuses =
        ["a", "b", "b", "c", "c", "d"].map(|id| call(&proxy, "iam", "GetRole", id).unwrap().0);
    assert_eq!(statuses, [200, 403, 403, 400, 200, 200]);
    assert_eq!(proxy.unused(), []);
    proxy.fail("iam:GetRole", 7, Failure::AccessDenied);
    assert_eq!(proxy.unused(), [("iam:GetRole".to_owned(), 7)]);
    server.join().unwrap();
}

#[test]
fn errors_are_written_as_each_service_writes_them() {
    let proxy = FaultProxy::start(crate::unused_port());
    for (service, operation, status, text) in [
        (
            "ec2",
            "CreateFlowLogs",
            403,
            "<Errors><Error><Code>UnauthorizedOperation</Code>",
        ),
        (
            "iam",
            "CreateRole",
            403,
            "<ErrorResponse><Error><Code>AccessDenied</Code>",
        ),
        (
            "logs",
            "CreateLogGroup",
            400,
            r#"{"__type":"AccessDeniedException","message""#,
        ),
    ] {
        let action = format!("{service}:{operation}");
        proxy.fail(&action, 1, Failure::AccessDenied);
        let (answered, body) = call(&proxy, service, operation, &action).unwrap();
        assert_eq!(answered, status);
        assert!(body.contains(text), "{body}");
        assert!(
            body.contains(&format!("not authorized to perform: {action}")),
            "{body}"
        );
    }
}

#[test]
fn a_lost_answer_is_of_a_call_that_was_carried_out() {
    let (port, server) = counting_server(2);
    let proxy = FaultProxy::start(port);
    proxy.fail_once("iam:CreateRole", 1, Failure::AnswerLost);
    assert!(call(&proxy, "iam", "CreateRole", "1").is_err());
    assert_eq!(call(&proxy, "iam", "CreateRole", "1").unwrap().1, "2");
    server.join().unwrap();
    proxy.fail("iam:DeleteRole", 1, Failure::ConnectionLost);
    assert!(call(&proxy, "iam", "DeleteRole", "2").is_err());
}

#[test]
fn an_answer_is_held_back_until_the_reset() {
    let proxy = FaultProxy::start(crate::unused_port());
    proxy.fail("sts:GetCallerIdentity", 1, Failure::NoAnswer);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, proxy.port));
    let mut connection = TcpStream::connect(address).unwrap();
    let head = "POST / HTTP/1.1\r\nAuthorization: Credential=test/1/us-east-1/sts/aws4\r\n";
    let body = "Action=GetCallerIdentity";
    let length = body.len();
    write!(connection, "{head}Content-Length: {length}\r\n\r\n{body}").unwrap();
    proxy.wait_for_call("sts:GetCallerIdentity", 1);
    proxy.reset();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "");
}

#[test]
fn calls_of_s3_are_known_by_what_is_done_to_which_path() {
    let (port, server) = counting_server(3);
    let proxy = FaultProxy::start(port);
    proxy.fail("s3:GetObject", 2, Failure::AccessDenied);
    let scope = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request";
    let call = |method, path| {
        let headers = [("Authorization", scope)];
        http::request(proxy.port, method, path, &headers, "").unwrap()
    };
    assert_eq!(call("GET", "/logs?list-type=2&prefix=a%2Fb").0, 200);
    assert_eq!(call("GET", "/logs/a/b.log").0, 200);
    let (status, body) = call("GET", "/logs/a/c.log");
    assert_eq!(status, 403);
    assert!(
        body.starts_with("<Error><Code>AccessDenied</Code>"),
        "{body}"
    );
    assert_eq!(call("PUT", "/logs/a/c.log").0, 200);
    server.join().unwrap();
    let actions: Vec<_> = proxy
        .calls()
        .into_iter()
        .map(|(action, _)| action)
        .collect();
    assert_eq!(
        actions,
        [
            "s3:ListObjectsV2",
            "s3:GetObject",
            "s3:GetObject",
            "s3:PutObject"
        ]
    );
    assert_eq!(proxy.request_lines()[2], "GET /logs/a/c.log HTTP/1.1");
}
