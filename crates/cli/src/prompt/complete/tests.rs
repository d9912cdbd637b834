use vpcflow_query::{Library, Session, Sources, Window};
use vpcflow_record::Policy;

use super::*;

/// What is offered at the `|` in a line.
async fn offered(line: &str) -> Vec<String> {
    let session = Session::new(Sources::new(Policy::Default), Window::default());
    let session = session.await.unwrap();
    let library = Library::shipped().unwrap();
    let words = Words::default();
    words.set(Vocabulary::of(&session, &library).await.unwrap());
    let position = line.find('|').unwrap();
    let line = line.replace('|', "");
    let result = Completions(words).complete(&line, position);
    let suggestions = result.suggestions().iter();
    suggestions
        .map(|suggestion| {
            let Span { start, end } = suggestion.span;
            format!("{}{}{}", &line[..start], suggestion.value, &line[end..])
        })
        .collect()
}

#[tokio::test]
async fn columns_of_the_tables_that_are_named_are_offered() {
    assert_eq!(
        offered("SELECT src|").await[..2],
        ["SELECT srcaddr", "SELECT srcport"]
    );
    assert_eq!(
        offered("select LOG_S| from flows").await,
        ["select log_status from flows"]
    );
    assert_eq!(
        offered("SELECT rea| FROM rejects").await[0],
        "SELECT reason FROM rejects"
    );
    assert_eq!(
        offered("SELECT f.dstp| FROM flows f").await,
        ["SELECT f.dstport FROM flows f"]
    );
    assert!(
        offered("SELECT en|")
            .await
            .contains(&"SELECT \"end\"".to_owned())
    );
    let all = offered("SELECT version, | FROM flows").await;
    assert!(all.contains(&"SELECT version, srcaddr FROM flows".to_owned()));
}

#[tokio::test]
async fn functions_keywords_and_tables_are_offered() {
    assert!(
        offered("SELECT cidr|")
            .await
            .contains(&"SELECT cidr_contains(".to_owned())
    );
    assert!(
        offered("select 1 fr|")
            .await
            .contains(&"select 1 from".to_owned())
    );
    assert!(
        offered("SELECT 1 FR|")
            .await
            .contains(&"SELECT 1 FROM".to_owned())
    );
    assert_eq!(
        offered("SELECT 1 FROM fl|").await,
        ["SELECT 1 FROM flows", "SELECT 1 FROM flows_once"]
    );
    assert_eq!(offered("|").await, ["SELECT", "WITH", "EXPLAIN"]);
}

#[tokio::test]
async fn texts_are_completed_by_what_they_are_compared_with() {
    assert_eq!(
        offered("SELECT 1 WHERE action = 'r|").await,
        ["SELECT 1 WHERE action = 'REJECT'"]
    );
    let statuses = offered("SELECT 1 WHERE log_status IN ('OK', '|").await;
    assert_eq!(statuses.len(), 3, "{statuses:?}");
    assert!(offered("SELECT 1 WHERE srcaddr = '|").await.is_empty());
    assert!(offered("SELECT 1 -- sr|").await.is_empty());
    assert!(offered("SELECT 1 AS \"sr|").await.is_empty());
}

#[tokio::test]
async fn paths_are_completed_where_a_table_stands() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["flows.log", "flows.gz", ".hidden"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    fs::create_dir(folder.path().join("flow")).unwrap();
    let path = folder.path().display();
    let found = offered(&format!("SELECT 1 FROM '{path}/flo|")).await;
    let expected = ["flow/", "flows.gz", "flows.log"];
    assert_eq!(
        found,
        expected.map(|name| format!("SELECT 1 FROM '{path}/{name}"))
    );
    let found = offered(&format!(r"\i {path}/flows.l|")).await;
    assert_eq!(found, [format!(r"\i {path}/flows.log")]);
}

#[tokio::test]
async fn commands_are_completed_with_what_they_take() {
    assert_eq!(offered(r"\ti|").await, [r"\timing"]);
    assert_eq!(offered(r"\d enis|").await, [r"\d enis"]);
    assert_eq!(offered(r"\query top-talk|").await, [r"\query top-talkers"]);
    assert!(
        offered(r"\query top-talkers |")
            .await
            .contains(&r"\query top-talkers limit=".to_owned())
    );
    assert_eq!(offered(r"\format pa|").await, Vec::<String>::new());
    assert_eq!(offered(r"\timing o|").await.len(), 2);
    assert!(offered(r"\nothing a|").await.is_empty());
}
