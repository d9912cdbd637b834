use super::*;
use crate::resource::ResourceKind;
use crate::tags::Tag;

fn vpc(id: &str) -> Resource {
    Resource::new(ResourceKind::Vpc, id).unwrap()
}

fn one_vpc() -> WishBuilder {
    Wish::builder().resource(vpc("vpc-0a1b"))
}

#[test]
fn the_defaults_are_those_of_aws() {
    let wish = one_vpc().build().unwrap();
    assert_eq!(wish.log_group(), "/vpcflow/vpc-0a1b");
    assert_eq!(wish.traffic, Traffic::All);
    assert_eq!(wish.interval.seconds(), 600);
    assert!(wish.format.is_default());
    assert_eq!(wish.retention_days, None);
}

#[test]
fn several_resources_need_a_name_to_share() {
    let two = one_vpc().resource(vpc("vpc-0b")).resource(vpc("vpc-0a1b"));
    assert_eq!(two.clone().build(), Err(WishError::NoLogGroup { count: 2 }));
    let wish = two.log_group("/shared").build().unwrap();
    assert_eq!(wish.resources(), [vpc("vpc-0a1b"), vpc("vpc-0b")]);
    assert_eq!(
        Wish::builder().log_group("/x").build(),
        Err(WishError::NoResource)
    );
}

#[test]
fn log_group_names_fit_the_service_and_a_tag() {
    let long = "x".repeat(257);
    for name in [
        "",
        "with space",
        "a:b",
        "a#b",
        "grüppe",
        "aws/x",
        "a*",
        &long,
    ] {
        let result = one_vpc().log_group(name).build();
        assert!(matches!(result, Err(WishError::LogGroup { .. })), "{name}");
    }
    for name in ["flows", "/aws/vpc/prod_1.a-b", &long[1..]] {
        assert!(one_vpc().log_group(name).build().is_ok(), "{name}");
    }
}

#[test]
fn only_retentions_that_aws_offers() {
    let error = one_vpc().retention_days(31).build().unwrap_err();
    assert_eq!(error, WishError::Retention { days: 31 });
    assert!(error.hint().unwrap().ends_with("the next one is 60"));
    assert!(
        WishError::Retention { days: 9999 }
            .hint()
            .unwrap()
            .ends_with("3653")
    );
    for days in RETENTION_DAYS {
        assert!(one_vpc().retention_days(days).build().is_ok());
    }
    assert!(RETENTION_DAYS.contains(&DEFAULT_RETENTION_DAYS));
}

#[test]
fn role_names_are_those_of_iam() {
    let long = "r".repeat(65);
    for name in ["", "a b", "path/role", "rôle", &long] {
        assert!(one_vpc().role_name(name).build().is_err(), "{name}");
    }
    assert!(one_vpc().role_name("Flow_Logs+=,.@-1").build().is_ok());
}

#[test]
fn keys_are_named_by_their_arn() {
    for key in [
        "0a1b2c3d",
        "alias/logs",
        "arn:aws:kms:eu-west-1:123456789012:alias/logs",
        "arn:aws:iam::123456789012:key/1",
        "arn:aws:kms::123456789012:key/1",
    ] {
        let error = one_vpc().kms_key(key).build().unwrap_err();
        assert!(error.hint().unwrap().contains("arn:aws:kms"), "{key}");
    }
    let key = "arn:aws-cn:kms:cn-north-1:123456789012:key/0a1b2c3d-1";
    assert!(one_vpc().kms_key(key).build().is_ok());
}

#[test]
fn words_of_the_command_line_are_read() {
    assert_eq!("standard".parse(), Ok(LogClass::Standard));
    assert_eq!("INFREQUENT_ACCESS".parse(), Ok(LogClass::InfrequentAccess));
    assert!("delivery".parse::<LogClass>().is_err());
    assert_eq!("REJECT".parse(), Ok(Traffic::Reject));
    assert!("deny".parse::<Traffic>().is_err());
    assert_eq!("60".parse(), Ok(Interval::OneMinute));
    assert!("300".parse::<Interval>().is_err());
}

#[test]
fn tag_keys_are_unique_in_any_case() {
    let tag = |text: &str| text.parse::<Tag>().unwrap();
    let twice = one_vpc().tag(tag("Team=a")).tag(tag("team=b")).build();
    assert_eq!(twice, Err(WishError::TagTwice { key: "team".into() }));

    let many = (0..48).fold(one_vpc(), |wish, n| wish.tag(tag(&format!("k{n}=v"))));
    assert_eq!(many.build(), Err(WishError::TooManyTags { count: 48 }));
}

#[test]
fn iam_tags_also_say_whom_they_serve() {
    let account = Account::of_caller("arn:aws:iam::1:user/me", "1", "eu-west-1").unwrap();
    let wish = one_vpc().tag("team=net".parse().unwrap()).build().unwrap();
    let of = |tags: &Tags| -> Vec<(String, String)> {
        tags.iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    };
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(
        of(&wish.regional_tags()),
        [pair("team", "net"), pair("vpcflow:managed-by", "vpcflow")]
    );
    assert_eq!(
        of(&wish.iam_tags(&account)),
        [
            pair("team", "net"),
            pair("vpcflow:log-group", "/vpcflow/vpc-0a1b"),
            pair("vpcflow:managed-by", "vpcflow"),
            pair("vpcflow:region", "eu-west-1"),
        ]
    );
}
