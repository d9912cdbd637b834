//! Which fields a record has.

use std::fmt;
use std::str::FromStr;

use vpcflow_record::{Field, Format, FormatField};

use super::WishError;

/// The newest version of a record, which has every field.
const NEWEST_VERSION: u8 = 11;
/// The tag keys that AWS takes for one kind of resource.
const KEYS_MAX: usize = 2;

/// The fields that a user wants: named one by one, or a set of AWS's.
///
/// Of a set, those fields are left out that the account cannot have; fields
/// that are named are wanted in any case.
///
/// ```
/// use vpcflow_setup::Fields;
///
/// let fields: Fields = "v5".parse()?;
/// assert_eq!(fields.format().fields().len(), 29);
/// assert!("srcaddr,no-such-field".parse::<Fields>().is_err());
/// # Ok::<(), vpcflow_setup::WishError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    format: Format,
    is_set: bool,
}

impl Fields {
    /// The fields in order.
    pub fn format(&self) -> &Format {
        &self.format
    }

    fn up_to_version(version: u8) -> Fields {
        Fields {
            format: Format::up_to_version(version),
            is_set: true,
        }
    }
}

/// Exactly these fields.
impl From<Format> for Fields {
    fn from(format: Format) -> Fields {
        Fields {
            format,
            is_set: false,
        }
    }
}

/// Reads `default`, `all`, a version such as `v5`, or names.
///
/// AWS refuses unknown names only after the rest is set up, so they are refused
/// here, unless they are written as AWS does: `${name}` may be newer than this
/// program.
impl FromStr for Fields {
    type Err = WishError;

    fn from_str(text: &str) -> Result<Fields, WishError> {
        let refuse = |reason: String| {
            let text = text.to_owned();
            Err(WishError::Fields { text, reason })
        };
        if text == "all" {
            return Ok(Fields::up_to_version(NEWEST_VERSION));
        }
        match text.strip_prefix('v').map(str::parse) {
            Some(Ok(6)) => return refuse("version 6 is of transit gateways".to_owned()),
            Some(Ok(version @ 2..=NEWEST_VERSION)) => return Ok(Fields::up_to_version(version)),
            Some(Ok(_)) => return refuse(format!("the versions are v2 to v{NEWEST_VERSION}")),
            Some(Err(_)) | None => {}
        }
        let format = match Format::parse(text) {
            Ok(format) => format,
            Err(error) => return refuse(error.to_string()),
        };
        if let Some(name) = format.unknown().next()
            && !text.contains("${")
        {
            return refuse(format!("`{name}` is no field that is known"));
        }
        let mut fields = format.fields().iter();
        if let Some(field) = fields.find(|field| version_of(field) == Some(6)) {
            return refuse(format!("`{}` is a field of transit gateways", field.name()));
        }
        Ok(format.into())
    }
}

fn version_of(field: &FormatField) -> Option<u8> {
    match field {
        FormatField::Known(field) => Some(field.version()),
        FormatField::Unknown(_) => None,
    }
}

/// What carries a tag whose value a record can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaggedKind {
    /// The instance that the interface is attached to.
    Instance,
    /// The network interface.
    NetworkInterface,
    /// The Auto Scaling group of the instance.
    AutoScalingGroup,
}

impl TaggedKind {
    pub(crate) const ALL: [TaggedKind; 3] = [
        TaggedKind::Instance,
        TaggedKind::NetworkInterface,
        TaggedKind::AutoScalingGroup,
    ];

    /// The fields of the first and the second tag key.
    fn fields(self) -> [Field; KEYS_MAX] {
        match self {
            TaggedKind::Instance => [Field::InstanceTag, Field::InstanceTag2],
            TaggedKind::NetworkInterface => [Field::InterfaceTag, Field::InterfaceTag2],
            TaggedKind::AutoScalingGroup => [Field::AsgTag, Field::AsgTag2],
        }
    }

    /// The beginning of the field's name, which is also how a user says it.
    fn word(self) -> &'static str {
        match self {
            TaggedKind::Instance => "instance",
            TaggedKind::NetworkInterface => "interface",
            TaggedKind::AutoScalingGroup => "asg",
        }
    }
}

/// A tag whose value a record is to have, written `instance:KEY`.
///
/// AWS fills the fields `instance-tag`, `interface-tag`, `asg-tag` and their
/// second ones only for keys that are chosen with the flow log:
/// <https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html>.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagField {
    /// What carries the tag.
    pub kind: TaggedKind,
    /// The tag's key.
    pub key: String,
}

impl FromStr for TagField {
    type Err = WishError;

    fn from_str(text: &str) -> Result<TagField, WishError> {
        let parsed = text.split_once(':').and_then(|(word, key)| {
            let mut kinds = TaggedKind::ALL.into_iter();
            let kind = kinds.find(|kind| kind.word() == word)?;
            let key = key.to_owned();
            (!key.is_empty()).then_some(TagField { kind, key })
        });
        parsed.ok_or_else(|| WishError::TagField {
            text: text.to_owned(),
            reason: "write it as `instance:KEY`, `interface:KEY` or `asg:KEY`",
        })
    }
}

impl fmt::Display for TagField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.word(), self.key)
    }
}

/// The fields of a flow log as they can be asked of AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) format: Format,
    /// The format to fall back to where the account refuses the `ecs-*` fields.
    pub(super) without_ecs: Option<Format>,
}

/// Brings fields and tag keys together: a set has the tag fields whose keys are
/// chosen, and a chosen key must have its field.
pub(super) fn resolve(fields: &Fields, chosen: &[TagField]) -> Result<Resolved, WishError> {
    let filled = filled_fields(chosen)?;
    if !fields.is_set {
        let has = |wanted: &Field| {
            let mut present = fields.format.fields().iter();
            present.any(|field| *field == FormatField::Known(*wanted))
        };
        return match filled.iter().find(|(field, _)| !has(field)) {
            Some((field, tag_field)) => Err(WishError::TagFieldUnused {
                tag_field: (*tag_field).clone(),
                field: *field,
            }),
            None => Ok(Resolved {
                format: fields.format.clone(),
                without_ecs: None,
            }),
        };
    }
    let is_filled = |field: Field| filled.iter().any(|(known, _)| *known == field);
    let format = only(&fields.format, |field| {
        !is_tag_field(field) || is_filled(field)
    });
    let smaller = only(&format, |field| !is_ecs_field(field));
    Ok(Resolved {
        without_ecs: (smaller != format).then_some(smaller),
        format,
    })
}

/// The field that each chosen key fills: those of one kind in the order given.
fn filled_fields(chosen: &[TagField]) -> Result<Vec<(Field, &TagField)>, WishError> {
    let mut filled = Vec::new();
    for (index, tag_field) in chosen.iter().enumerate() {
        let refuse = |reason| {
            let text = tag_field.to_string();
            Err(WishError::TagField { text, reason })
        };
        if chosen[..index].contains(tag_field) {
            return refuse("it is given twice");
        }
        let of_kind = chosen[..index].iter().filter(|e| e.kind == tag_field.kind);
        match tag_field.kind.fields().get(of_kind.count()) {
            Some(field) => filled.push((*field, tag_field)),
            None => return refuse("AWS takes two keys of a kind"),
        }
    }
    Ok(filled)
}

/// The known fields of a format for which `is_kept` holds. Sets have no others.
fn only(format: &Format, is_kept: impl Fn(Field) -> bool) -> Format {
    let fields = format.fields().iter().filter_map(|field| match field {
        FormatField::Known(field) => is_kept(*field).then_some(*field),
        FormatField::Unknown(_) => None,
    });
    let fields: Vec<Field> = fields.collect();
    Format::from_fields(&fields).unwrap_or_else(|_| format.clone())
}

/// `instance-tag`, `interface-tag-2` and the like.
pub(crate) fn is_tag_field(field: Field) -> bool {
    let mut kinds = TaggedKind::ALL.into_iter();
    kinds.any(|kind| kind.fields().contains(&field))
}

/// The fields that need an ECS cluster, and a caller who may list ECS.
pub(crate) fn is_ecs_field(field: Field) -> bool {
    field.version() == 7
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Fields {
        text.parse().unwrap()
    }

    fn tag_field(text: &str) -> TagField {
        text.parse().unwrap()
    }

    #[test]
    fn sets_and_names_are_read() {
        assert!(fields("default").format().is_default());
        assert!(fields("v2").format().is_default());
        assert_eq!(fields("all").format().fields().len(), 54);
        assert_eq!(
            fields("srcaddr dstaddr"),
            Format::parse("srcaddr,dstaddr").unwrap().into()
        );
        assert!("${field-of-tomorrow}".parse::<Fields>().is_ok());
        for (text, reason) in [
            ("v6", "version 6 is of transit gateways"),
            ("v12", "the versions are v2 to v11"),
            ("v1", "the versions are v2 to v11"),
            ("srcadr", "`srcadr` is no field that is known"),
            ("tgw-id", "`tgw-id` is a field of transit gateways"),
            ("", "the log format names no field"),
        ] {
            let error = text.parse::<Fields>().unwrap_err();
            assert_eq!(error.to_string(), reason);
        }
    }

    #[test]
    fn a_set_has_the_tag_fields_whose_keys_are_chosen() {
        let resolved = resolve(&fields("all"), &[]).unwrap();
        assert_eq!(resolved.format.fields().len(), 54 - 6);
        let chosen = ["instance:Name", "asg:team", "instance:env"].map(tag_field);
        let resolved = resolve(&fields("all"), &chosen).unwrap();
        let names: Vec<&str> = resolved.format.fields().iter().map(|f| f.name()).collect();
        assert_eq!(names.len(), 54 - 3);
        assert!(names.contains(&"instance-tag-2") && names.contains(&"asg-tag"));
        assert!(!names.contains(&"interface-tag") && !names.contains(&"asg-tag-2"));
    }

    #[test]
    fn only_a_set_may_lose_the_ecs_fields() {
        let resolved = resolve(&fields("v7"), &[]).unwrap();
        assert_eq!(resolved.without_ecs, Some(Format::up_to_version(5)));
        assert_eq!(resolve(&fields("v5"), &[]).unwrap().without_ecs, None);
        let named = fields("srcaddr ecs-cluster-name");
        assert_eq!(resolve(&named, &[]).unwrap().without_ecs, None);
    }

    #[test]
    fn a_chosen_key_must_have_its_field() {
        let chosen = [tag_field("interface:Name")];
        let error = resolve(&fields("default"), &chosen).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`interface:Name` is chosen, but `interface-tag` is not among the fields"
        );
        assert!(resolve(&fields("srcaddr interface-tag"), &chosen).is_ok());
    }

    #[test]
    fn aws_takes_two_keys_of_a_kind_each_once() {
        let three = ["asg:a", "asg:b", "asg:c"].map(tag_field);
        assert!(resolve(&fields("all"), &three).is_err());
        let twice = ["asg:a", "asg:a"].map(tag_field);
        assert!(resolve(&fields("all"), &twice).is_err());
        for text in ["", "asg", "asg:", "vpc:Name", ":Name"] {
            assert!(text.parse::<TagField>().is_err(), "{text}");
        }
        assert_eq!(tag_field("asg:a:b").key, "a:b");
    }
}
