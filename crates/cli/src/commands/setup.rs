//! `vpcflow setup`.

use vpcflow_setup::{
    Applied, Delivery, OnFailure, PermissionScope, Provisioner, Resource, ResourceKind, TagFilter,
    Wish, WishBuilder, caller_policy,
};

use super::provision::{carry_out, finish, show};
use crate::args::{Emit, ResourceArgs, SetupArgs};
use crate::failure::Failure;
use crate::open::config;
use crate::print::{Notes, out};

pub(crate) async fn run(args: SetupArgs) -> Result<(), Failure> {
    if args.print_permissions {
        let policy = caller_policy(&permission_scope(&args));
        return out(&format!("{policy:#}\n"));
    }
    if let Some(Emit::Cloudformation) = args.emit {
        return emit_cloudformation(&args).await;
    }
    // Before AWS is asked: what is wrong with the command line alone.
    let checked = check(&args)?;
    let provisioner = Provisioner::new(&config(&args.aws).await?)?;
    let wish = match checked {
        Some(wish) => wish,
        None => wish_by_tag(&args, &provisioner).await?,
    };
    let plan = provisioner.plan_setup(&wish).await?;
    show(args.report.output, &plan)?;
    let on_failure = if args.keep_partial {
        OnFailure::Keep
    } else {
        OnFailure::TakeBack
    };
    let report = args.report.output;
    let applied = carry_out(&provisioner, &plan, &args.change, on_failure, report).await?;
    let done = applied.as_ref().map(|applied| done(&wish, applied));
    let done = done.unwrap_or_default();
    finish(args.report.output, &plan, applied.as_ref(), &done)
}

/// The last words of a set-up that was carried out.
fn done(wish: &Wish, applied: &Applied) -> String {
    let group = wish.log_group();
    let delivery = match doubtful_delivery(applied) {
        Some(doubt) => format!("done, but {doubt}"),
        None => "done: the first records come after some minutes".to_owned(),
    };
    format!("{delivery}\n  vpcflow status --log-group {group}\n  vpcflow tail logs:{group}\n")
}

/// What AWS says of a new flow log, if it is not that it delivers.
fn doubtful_delivery(applied: &Applied) -> Option<String> {
    let doubtful = |delivery: &Delivery| *delivery != Delivery::Succeeds;
    let mut flow_logs = applied.flow_logs.iter();
    let flow_log = flow_logs.find(|flow_log| doubtful(&flow_log.delivery))?;
    Some(format!(
        "of {} of {} AWS says: {}",
        flow_log.id, flow_log.resource_id, flow_log.delivery
    ))
}

async fn emit_cloudformation(args: &SetupArgs) -> Result<(), Failure> {
    let wish = match check(args)? {
        Some(wish) => wish,
        None => {
            let provisioner = Provisioner::new(&config(&args.aws).await?)?;
            wish_by_tag(args, &provisioner).await?
        }
    };
    out(&wish.to_cloudformation()?)?;
    Notes::new(false).say(
        "note: deploy it with `aws cloudformation deploy --capabilities CAPABILITY_NAMED_IAM`; \
         `vpcflow teardown` leaves to CloudFormation what it makes",
    );
    Ok(())
}

fn permission_scope(args: &SetupArgs) -> PermissionScope {
    PermissionScope {
        region: args.aws.region.clone(),
        log_group: args.log_group.log_group.clone(),
        role_name: args.role_name.clone(),
        format: args.records.fields.format().clone(),
    }
}

/// The tags that resources are chosen by, for each kind that any are for.
fn selections(args: &ResourceArgs) -> Vec<(ResourceKind, &[TagFilter])> {
    let mut selections = vec![
        (ResourceKind::Vpc, args.vpc_tag.as_slice()),
        (ResourceKind::Subnet, args.subnet_tag.as_slice()),
        (ResourceKind::NetworkInterface, args.eni_tag.as_slice()),
    ];
    selections.retain(|(_, filters)| !filters.is_empty());
    selections
}

/// The wish, as far as AWS need not be asked for it: `None` if resources are
/// chosen by tag. How many those are can change, so the log group's name cannot
/// come from them.
fn check(args: &SetupArgs) -> Result<Option<Wish>, Failure> {
    if selections(&args.resources).is_empty() {
        return wish(args, Vec::new()).map(Some);
    }
    if args.log_group.log_group.is_none() {
        let failure = Failure::usage("resources are chosen by tag, but no log group is named");
        return Err(failure.hint("name it with --log-group"));
    }
    Ok(None)
}

async fn wish_by_tag(args: &SetupArgs, provisioner: &Provisioner) -> Result<Wish, Failure> {
    let mut tagged = Vec::new();
    for (kind, filters) in selections(&args.resources) {
        tagged.extend(Box::pin(provisioner.tagged(kind, filters)).await?);
    }
    wish(args, tagged)
}

fn wish(args: &SetupArgs, tagged: Vec<Resource>) -> Result<Wish, Failure> {
    let mut wish = Wish::builder()
        .traffic(args.records.traffic)
        .interval(args.records.interval)
        .fields(args.records.fields.clone())
        .allow_gap(args.allow_gap);
    for resource in named(&args.resources)?.into_iter().chain(tagged) {
        wish = wish.resource(resource);
    }
    for tag_field in &args.records.tag_field {
        wish = wish.tag_field(tag_field.clone());
    }
    for tag in &args.tag {
        wish = wish.tag(tag.clone());
    }
    wish = given(
        wish,
        args.log_group.log_group.clone(),
        WishBuilder::log_group,
    );
    wish = given(wish, args.log_group.kms_key.clone(), WishBuilder::kms_key);
    wish = given(wish, args.role_name.clone(), WishBuilder::role_name);
    wish = given(wish, args.log_group.log_class, WishBuilder::log_class);
    let days = args.log_group.retention_days;
    wish = given(wish, days, WishBuilder::retention_days);
    Ok(wish.build()?)
}

/// Sets what the user gave, and leaves the default where they gave nothing.
fn given<T>(
    wish: WishBuilder,
    value: Option<T>,
    set: impl FnOnce(WishBuilder, T) -> WishBuilder,
) -> WishBuilder {
    match value {
        Some(value) => set(wish, value),
        None => wish,
    }
}

fn named(args: &ResourceArgs) -> Result<Vec<Resource>, Failure> {
    let mut resources = Vec::new();
    for (kind, ids) in [
        (ResourceKind::Vpc, &args.vpc),
        (ResourceKind::Subnet, &args.subnet),
        (ResourceKind::NetworkInterface, &args.eni),
    ] {
        for id in ids {
            resources.push(Resource::new(kind, id)?);
        }
    }
    Ok(resources)
}
