//! `vpcflow setup`, `status` and `teardown`.

use std::io::{self, BufRead, IsTerminal, Write};

use vpcflow_setup::{Plan, Progress, Provisioner, Resource, ResourceKind, Verb, Wish};

use crate::args::{ChangeArgs, SetupArgs, StatusArgs, TeardownArgs};
use crate::failure::Failure;
use crate::open::config;
use crate::print::{Notes, out};

pub(crate) async fn setup(args: SetupArgs) -> Result<(), Failure> {
    let wish = wish(&args)?;
    let provisioner = Provisioner::new(&config(&args.aws).await?)?;
    let plan = provisioner.plan_setup(&wish).await?;
    out(&plan.to_string())?;
    if !carry_out(&provisioner, &plan, &args.change).await? {
        return Ok(());
    }
    let group = wish.log_group();
    out(&format!(
        "done: the first records come after some minutes\n  vpcflow status --log-group {group}\n  \
         vpcflow tail logs:{group}\n"
    ))
}

pub(crate) async fn status(args: StatusArgs) -> Result<(), Failure> {
    let provisioner = Provisioner::new(&config(&args.aws).await?)?;
    let status = provisioner.status(args.log_group.as_deref()).await?;
    out(&status.to_string())?;
    if status.is_healthy() {
        Ok(())
    } else {
        Err(Failure::negative())
    }
}

pub(crate) async fn teardown(args: TeardownArgs) -> Result<(), Failure> {
    let provisioner = Provisioner::new(&config(&args.aws).await?)?;
    let plan = provisioner
        .plan_teardown(&args.log_group, args.keep_logs)
        .await?;
    out(&plan.to_string())?;
    if carry_out(&provisioner, &plan, &args.change).await? {
        out("done\n")?;
    }
    Ok(())
}

fn wish(args: &SetupArgs) -> Result<Wish, Failure> {
    let mut wish = Wish::builder()
        .traffic(args.traffic)
        .interval(args.interval)
        .format(args.fields.clone());
    for (kind, ids) in [
        (ResourceKind::Vpc, &args.vpc),
        (ResourceKind::Subnet, &args.subnet),
        (ResourceKind::NetworkInterface, &args.eni),
    ] {
        for id in ids {
            wish = wish.resource(Resource::new(kind, id)?);
        }
    }
    if let Some(name) = &args.log_group {
        wish = wish.log_group(name);
    }
    if let Some(days) = args.retention_days {
        wish = wish.retention_days(days);
    }
    if let Some(name) = &args.role_name {
        wish = wish.role_name(name);
    }
    for tag in &args.tag {
        wish = wish.tag(tag.clone());
    }
    Ok(wish.build()?)
}

/// Carries the shown plan out if there is anything to do and the user agrees.
/// Whether it did.
async fn carry_out(
    provisioner: &Provisioner,
    plan: &Plan,
    change: &ChangeArgs,
) -> Result<bool, Failure> {
    if plan.is_done() || change.dry_run {
        return Ok(false);
    }
    if !change.yes && !agreed()? {
        return Err(Failure::new("nothing was changed"));
    }
    let notes = Notes::new(false);
    let mut tell = |progress: Progress<'_>| match progress {
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
            notes.say(&format!(
                "{number}/{total} {verb} {} {}",
                step.part,
                step.short_name()
            ));
        }
        Progress::WaitingForRole { waited, next } => notes.say(&format!(
            "    AWS cannot assume the new role yet ({} s): next attempt in {} s",
            waited.as_secs(),
            next.as_secs()
        )),
        _ => {}
    };
    provisioner.apply(plan, &mut tell).await?;
    Ok(true)
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
