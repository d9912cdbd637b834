//! `vpcflow status` and `teardown`, and how plans are shown and carried out.

use std::error::Error;
use std::io::{self, BufRead, IsTerminal, Write};
use std::time::Duration;

use serde_json::{Value, json};
use vpcflow_ingest::{Clock, SystemClock};
use vpcflow_setup::{Aftermath, Applied, OnFailure, Plan, Progress, Provisioner, Step, Verb};

use super::interrupted;
use crate::args::{ChangeArgs, ReportFormat, StatusArgs, TeardownArgs};
use crate::failure::Failure;
use crate::open::config;
use crate::print::{Notes, out};

pub(crate) async fn status(args: StatusArgs) -> Result<(), Failure> {
    let provisioner = Provisioner::new(&config(&args.aws).await?)?;
    let status = provisioner
        .status(&args.log_group, SystemClock.now_ms())
        .await?;
    match args.report.output {
        ReportFormat::Text => out(&vpcflow_query::escape_lines(&status.to_string()))?,
        ReportFormat::Json => print_json(&status.to_json())?,
    }
    if status.is_healthy() {
        Ok(())
    } else {
        Err(Failure::negative())
    }
}

pub(crate) async fn teardown(args: TeardownArgs) -> Result<(), Failure> {
    let TeardownArgs {
        log_group,
        keep_logs,
        change,
        report,
        aws,
    } = args;
    let provisioner = Provisioner::new(&config(&aws).await?)?;
    let plan = provisioner.plan_teardown(&log_group, keep_logs).await?;
    show(report.output, &plan)?;
    let applied = carry_out(&provisioner, &plan, &change, OnFailure::Keep, report.output).await?;
    if applied.is_some() {
        let notes = Notes::new(false);
        let mut tell = |lingering: &Plan, next: Duration| {
            let names: Vec<String> = lingering.changes().map(Step::short_name).collect();
            notes.say(&format!(
                "    AWS still shows {}: next look in {} s",
                names.join(", "),
                next.as_secs_f64()
            ));
        };
        let wait = provisioner.await_removal(&plan, &log_group, keep_logs, &mut tell);
        // Nothing is left to be done in order: a signal ends the wait.
        let removal = tokio::select! {
            removal = Box::pin(wait) => removal?,
            () = interrupted() => return Err(Failure::interrupted()),
        };
        for note in removal.notes {
            notes.say(&format!("note: {note}"));
        }
    }
    finish(report.output, &plan, applied.as_ref(), "done\n")
}

/// Shows a plan before anybody is asked to agree to it. In JSON it is a part of
/// the one object that [`finish`] prints.
pub(super) fn show(format: ReportFormat, plan: &Plan) -> Result<(), Failure> {
    let text = plan.to_string();
    match format {
        ReportFormat::Text => out(&vpcflow_query::escape_lines(&text)),
        ReportFormat::Json => {
            Notes::new(false).say(text.trim_end());
            Ok(())
        }
    }
}

/// Prints what became of a plan: `text`, if it was carried out.
pub(super) fn finish(
    format: ReportFormat,
    plan: &Plan,
    applied: Option<&Applied>,
    text: &str,
) -> Result<(), Failure> {
    match (format, applied) {
        (ReportFormat::Text, None) => Ok(()),
        (ReportFormat::Text, Some(_)) => out(text),
        (ReportFormat::Json, applied) => {
            let applied = applied.map(Applied::to_json);
            print_json(&json!({"plan": plan.to_json(), "applied": applied}))
        }
    }
}

fn print_json(value: &Value) -> Result<(), Failure> {
    out(&format!("{value:#}\n"))
}

/// Carries the shown plan out if there is anything to do and the user agrees.
/// What it did, if so.
pub(super) async fn carry_out(
    provisioner: &Provisioner,
    plan: &Plan,
    change: &ChangeArgs,
    on_failure: OnFailure,
    report: ReportFormat,
) -> Result<Option<Applied>, Failure> {
    if plan.is_done() || change.dry_run {
        return Ok(None);
    }
    if !change.yes && !agreed()? {
        return Err(Failure::new("nothing was changed"));
    }
    let notes = Notes::new(false);
    let mut tell = |progress: Progress<'_>| {
        if let Some(text) = progress_text(progress) {
            notes.say(&text);
        }
    };
    let applying = Box::pin(provisioner.apply(plan, on_failure, &mut tell));
    // Asked to stop, a run ends in order: nothing is left half-made.
    let signals = async {
        interrupted().await;
        notes.say("    interrupted: ending in order");
        provisioner.stop().cancel();
        std::future::pending().await
    };
    let applied = tokio::select! {
        applied = applying => applied,
        never = signals => never,
    };
    if let (Err(error), ReportFormat::Json) = (&applied, report) {
        print_json(&json!({
            "plan": plan.to_json(),
            "applied": null,
            "error": error.to_string(),
            "cause": error.source().map(ToString::to_string),
            "hint": error.hint(),
            "aftermath": error.aftermath().map(Aftermath::to_json),
        }))?;
    }
    Ok(Some(applied?))
}

/// A line of progress; `None` for what needs none.
fn progress_text(progress: Progress<'_>) -> Option<String> {
    let text = match progress {
        Progress::Started {
            step,
            number,
            total,
        } => {
            let verb = match step.verb {
                Verb::Create => "creating",
                Verb::Change => "changing",
                Verb::Replace => "replacing",
                Verb::Delete => "deleting",
                Verb::Keep => "keeping",
            };
            let (part, name) = (step.part, step.short_name());
            format!("{number}/{total} {verb} {part} {name}")
        }
        Progress::WaitingForRole { waited, next } => format!(
            "    AWS cannot assume the new role yet ({} s): next attempt in {} s",
            waited.as_secs(),
            next.as_secs()
        ),
        Progress::Throttled { next } => format!(
            "    AWS asks for fewer calls: next attempt in {} s",
            next.as_secs_f64()
        ),
        Progress::WaitingForDelivery { flow_log, next } => format!(
            "    of {} AWS says: {}; next look in {} s",
            flow_log.id,
            flow_log.delivery,
            next.as_secs()
        ),
        Progress::FieldsLeftOut { names, reason } => format!(
            "    without {} fields ({}), since AWS says: {reason}",
            names.len(),
            names.join(", ")
        ),
        Progress::GivesWay { flow_log } => format!(
            "    AWS does not take it beside {}, which goes first: traffic of some seconds is not \
             recorded",
            flow_log.id
        ),
        Progress::TakingBack { part, name } => format!("    taking back: {part} {name}"),
        _ => return None,
    };
    Some(text)
}

/// Asks on the terminal.
fn agreed() -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(
            Failure::new("the plan was not carried out: nobody is there to agree to it")
                .hint("`--yes` carries it out without asking, `--dry-run` only shows it"),
        );
    }
    let mut stderr = io::stderr();
    write!(stderr, "Carry it out? [y/N] ")?;
    stderr.flush()?;
    let mut reply = String::new();
    io::stdin().lock().read_line(&mut reply)?;
    Ok(matches!(reply.trim().to_lowercase().as_str(), "y" | "yes"))
}
