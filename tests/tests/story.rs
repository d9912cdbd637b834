//! The whole story against moto, an emulator of AWS: switch flow logs on, follow
//! their log group, rank the rejected traffic, switch them off. What AWS then has
//! is looked at with boto3.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod story {
    pub(crate) mod account;
    pub(crate) mod traffic;
}

use std::process::Command;

use serde_json::{Value, json};
use story::account::Account;
use story::traffic::{Traffic, row_keys};
use vpcflow_testkit::Moto;
use vpcflow_tests::{Boto3, Outcome, Running, now_ms, on_a_terminal, vpcflow_at};

const GROUP: &str = "/vpc/prod";
const CUSTOM_GROUP: &str = "/vpc/custom";
const CUSTOM_FIELDS: &str = "srcaddr,dstaddr,action,start,end,log-status,flow-direction";

#[test]
fn from_setup_to_teardown() {
    let Some(moto) = Moto::start() else { return };
    let Some(boto3) = Boto3::start(&moto.endpoint_url()) else {
        return;
    };
    let account = Account::new(boto3);
    let mut story = Story { moto, account };
    let mut traffic = Traffic::default();

    let before = story.account.inventory();
    story.sets_up(&before);
    story.sets_up_a_custom_format();
    story.follows(&mut traffic);
    story.ranks_rejected_traffic(&traffic);
    story.reads_the_custom_format();
    story.tears_down(&before);
}

struct Story {
    moto: Moto,
    account: Account,
}

impl Story {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = vpcflow_at(&self.moto.endpoint_url());
        command.args(arguments);
        command
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(&mut self.command(arguments))
    }

    fn sets_up(&mut self, before: &Value) {
        let vpc = self.account.vpc.clone();
        let mut setup = vec!["setup", "--vpc", &vpc, "--log-group", GROUP];
        setup.extend(["--interval", "60", "--retention-days", "7"]);

        let plan = self.run(&[&setup[..], &["--dry-run"]].concat()).success();
        assert_plans(&plan, "create");
        let inventory = self.account.inventory();
        assert_eq!(&inventory, before, "a dry run changed something");

        let unasked = self.run(&setup).ends_with(1).tells(&["--yes"]);
        assert_eq!(unasked.stdout, plan.stdout);
        assert_eq!(&self.account.inventory(), before, "nobody had agreed");

        let done = self.run(&[&setup[..], &["--yes"]].concat()).success();
        assert_plans(&done, "create");
        let after = self.account.inventory();
        self.account.assert_delivers(GROUP, 60, 7);

        let again = self.run(&[&setup[..], &["--yes"]].concat()).success();
        assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
        let inventory = self.account.inventory();
        assert_eq!(inventory, after, "setting up again changed something");

        let status = self.run(&["status"]).success().stdout;
        let flow_log = after["flow_logs"][0]["FlowLogId"].as_str().unwrap();
        for text in [GROUP, flow_log, &vpc, "7 days", "1 flow log, all is well"] {
            assert!(status.contains(text), "no `{text}` in\n{status}");
        }
    }

    fn sets_up_a_custom_format(&mut self) {
        let interface = self.account.interface.clone();
        let setup = ["setup", "--eni", &interface, "--log-group", CUSTOM_GROUP];
        let fields = ["--fields", CUSTOM_FIELDS, "--traffic", "reject", "--yes"];
        self.run(&[&setup[..], &fields].concat()).success();
        let status = self.run(&["status", "--log-group", CUSTOM_GROUP]).success();
        let status = status.stdout;
        assert!(status.contains("7 fields"), "{status}");
        assert!(!status.contains(&format!("log group {GROUP}")), "{status}");
        // The VPC's flow log records the interface as well.
        assert!(status.contains("warning: overlap of fl-"), "{status}");
    }

    /// Records come before and while the group is followed: into streams that are
    /// there and into a new one, in order and late. Each is printed once.
    fn follows(&mut self, traffic: &mut Traffic) {
        self.account.put(GROUP, traffic.history(now_ms()));
        let source = format!("logs:{GROUP}");
        let tail = ["tail", &source, "--since", "1h", "-o", "ndjson"];

        let mut following = self.command(&tail);
        let mut running = Running::start(following.args(["--for", "10m", "--poll", "200ms"]));
        running.wait_for_lines(traffic.records());
        let now_ms = now_ms();
        for arrival in [Traffic::fresh, Traffic::in_a_new_stream, Traffic::late] {
            self.account.put(GROUP, arrival(traffic, now_ms));
            running.wait_for_lines(traffic.records());
        }
        running.signal("INT");
        let stopped = running.finish().success().tells(&["refused in"]);

        let ended = self.run(&[&tail[..], &["--for", "3s"]].concat()).success();
        for outcome in [stopped, ended] {
            assert_eq!(row_keys(&outcome.rows()), traffic.keys());
            assert_eq!(outcome.counts(), (traffic.records() as u64, 1));
        }
    }

    /// The same ranking in every way to ask for it.
    fn ranks_rejected_traffic(&self, traffic: &Traffic) {
        let source = format!("logs:{GROUP}");
        let expected = traffic.rejected_ranking();
        let ranking = "SELECT srcaddr, count(*) AS flows FROM flows WHERE action = 'REJECT' \
                       GROUP BY srcaddr ORDER BY flows DESC";

        let tail = [
            "tail", &source, "--since", "1h", "--for", "3s", "-o", "json",
        ];
        let answers = self
            .run(&[&tail[..], &["--sql", ranking]].concat())
            .success();
        let last: Value = serde_json::from_str(answers.stdout.lines().last().unwrap()).unwrap();
        assert_eq!(pairs(last.as_array().unwrap(), "srcaddr"), expected);

        let ask = |question: &[&str]| {
            let from = ["--from", &source, "-o", "ndjson"];
            self.run(&[question, &from].concat()).success()
        };
        let sql = ask(&["sql", ranking]);
        assert_eq!(pairs(&sql.rows(), "srcaddr"), expected);
        assert_eq!(sql.counts(), (traffic.records() as u64, 1));
        let top = ask(&["top", "--by", "flows", "--where", "action = 'REJECT'"]);
        assert_eq!(pairs(&top.rows(), "srcaddr"), expected);
        let query = ask(&["query", "top-rejected"]);
        assert_eq!(pairs(&query.rows(), "source"), expected);

        let rejects = ask(&["sql", "SELECT source, line, event_id FROM rejects"]);
        let [reject] = &rejects.rows()[..] else {
            panic!("{}", rejects.stdout);
        };
        assert_eq!(reject["line"], traffic.malformed());
        assert!(reject["event_id"].is_string(), "{reject}");
        let stream = reject["source"].as_str().unwrap();
        assert!(stream.starts_with("logs:/vpc/prod/eni-"), "{stream}");
    }

    /// The format is that of the flow log: nobody declares it.
    fn reads_the_custom_format(&mut self) {
        let now_ms = now_ms();
        let stream = format!("{}-reject", self.account.interface);
        let records = (0..3).map(|number| {
            let start = now_ms / 1000 - 60 + number;
            let line = format!("203.0.113.{number} 10.0.0.5 REJECT {start} {start} OK ingress");
            (stream.clone(), start * 1000, line)
        });
        self.account.put(CUSTOM_GROUP, records.collect());

        let source = format!("logs:{CUSTOM_GROUP}");
        let sql = "SELECT srcaddr, action, flow_direction FROM flows ORDER BY srcaddr";
        let answer = self.run(&["sql", sql, "--from", &source, "-o", "ndjson"]);
        let answer = answer.success();
        let row = |number| {
            let source = format!("203.0.113.{number}");
            json!({"srcaddr": source, "action": "REJECT", "flow_direction": "ingress"})
        };
        assert_eq!(answer.rows(), [row(0), row(1), row(2)]);
        assert_eq!(answer.counts(), (3, 0));
    }

    fn tears_down(&mut self, before: &Value) {
        let set_up = self.account.inventory();
        let teardown = ["teardown", "--log-group", GROUP];
        let plan = self
            .run(&[&teardown[..], &["--dry-run"]].concat())
            .success();
        assert_plans(&plan, "delete");
        let inventory = self.account.inventory();
        assert_eq!(inventory, set_up, "a dry run removed something");

        if let Some(refused) = on_a_terminal(&self.command(&teardown), "n\n") {
            let text = refused.ends_with(1).stdout;
            assert!(text.contains("Carry it out? [y/N]"), "{text}");
            assert!(text.contains("nothing was changed"), "{text}");
            assert_eq!(self.account.inventory(), set_up, "nobody had agreed");
            on_a_terminal(&self.command(&teardown), "y\n")
                .unwrap()
                .success();
        } else {
            self.run(&[&teardown[..], &["--yes"]].concat()).success();
        }
        self.run(&["teardown", "--log-group", CUSTOM_GROUP, "--yes"])
            .success();
        let inventory = self.account.inventory();
        assert_eq!(&inventory, before, "something is left, or too much is gone");

        let again = self.run(&[&teardown[..], &["--yes"]].concat()).success();
        assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
        let status = self.run(&["status"]).ends_with(1);
        assert!(!status.stdout.contains(GROUP), "{}", status.stdout);

        // What somebody else made is no business of ours, even when it is named.
        let foreign = ["teardown", "--log-group", Account::FOREIGN_GROUP, "--yes"];
        let foreign = self.run(&foreign);
        assert!(!foreign.stdout.contains("delete"), "{}", foreign.stdout);
        let inventory = self.account.inventory();
        assert_eq!(&inventory, before, "something foreign is gone");
    }
}

/// Asserts that each part is to be made, or to be removed.
#[track_caller]
fn assert_plans(outcome: &Outcome, verb: &str) {
    for part in ["policy", "role", "attachment", "log group", "flow log"] {
        let step = format!("  {verb}  {part} ");
        assert!(
            outcome.stdout.contains(&step),
            "no `{step}` in\n{}",
            outcome.stdout
        );
    }
}

/// The rows of a ranking: who, and how many flows.
#[track_caller]
fn pairs(rows: &[Value], who: &str) -> Vec<(String, u64)> {
    let pair = |row: &Value| Some((row[who].as_str()?.to_owned(), row["flows"].as_u64()?));
    rows.iter().map(|row| pair(row).unwrap()).collect()
}
