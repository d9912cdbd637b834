//! JSON values as YAML in block style: the part of YAML that a template needs.

use serde_json::Value;

/// The value as a YAML document.
pub(super) fn to_yaml(value: &Value) -> String {
    let mut text = String::new();
    write_block(value, 0, &mut text);
    text
}

/// Writes a map or list, each line indented by so many spaces.
fn write_block(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                push_indent(indent, text);
                push_member(key, member, indent, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                push_indent(indent, text);
                text.push('-');
                push_item(item, indent + 2, text);
            }
        }
        scalar => {
            push_indent(indent, text);
            push_line(scalar, text);
        }
    }
}

fn push_member(key: &str, member: &Value, indent: usize, text: &mut String) {
    push_string(key, text);
    text.push(':');
    if is_block(member) {
        text.push('\n');
        write_block(member, indent + 2, text);
    } else {
        text.push(' ');
        push_line(member, text);
    }
}

/// Writes a list's item after its dash.
fn push_item(item: &Value, indent: usize, text: &mut String) {
    match item {
        Value::Object(members) if !members.is_empty() => {
            text.push(' ');
            for (index, (key, member)) in members.iter().enumerate() {
                if index > 0 {
                    push_indent(indent, text);
                }
                push_member(key, member, indent, text);
            }
        }
        item if is_block(item) => {
            text.push('\n');
            write_block(item, indent, text);
        }
        scalar => {
            text.push(' ');
            push_line(scalar, text);
        }
    }
}

/// Whether a value takes lines of its own.
fn is_block(value: &Value) -> bool {
    match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

fn push_indent(indent: usize, text: &mut String) {
    text.extend(std::iter::repeat_n(' ', indent));
}

fn push_line(scalar: &Value, text: &mut String) {
    match scalar {
        Value::String(string) => push_string(string, text),
        // Numbers, `true`, `null`, `{}` and `[]` are written alike.
        other => text.push_str(&other.to_string()),
    }
    text.push('\n');
}

/// Quotes all but plain words: a quoted string of JSON is one of YAML too, while
/// the rules of what needs no quotes are long.
fn push_string(string: &str, text: &mut String) {
    const RESERVED: [&str; 8] = ["true", "false", "yes", "no", "on", "off", "null", "y"];
    let is_word = string.starts_with(|c: char| c.is_ascii_alphabetic())
        && !string.ends_with(' ')
        && string
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || " ._/-".contains(c))
        && !RESERVED.contains(&string.to_ascii_lowercase().as_str())
        && string.len() > 1;
    // `Fn::Sub` and `AWS::Region` are unambiguous, and usual without quotes.
    let is_name = string.contains("::")
        && string
            .split("::")
            .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric()));
    if is_word || is_name {
        text.push_str(string);
    } else {
        text.push_str(&Value::from(string).to_string());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::to_yaml;

    #[test]
    fn values_are_blocks_and_doubtful_strings_quoted() {
        let value = json!({
            "Fn::Sub": "a ${b}:*",
            "empty": [],
            "list": ["x y", {"key": 1, "other": "no"}, ["nested"]],
            "map": {"version": "2012-10-17", "tail": "a "},
        });
        let expected = r#"Fn::Sub: "a ${b}:*"
empty: []
list:
  - x y
  - key: 1
    other: "no"
  -
    - nested
map:
  tail: "a "
  version: "2012-10-17"
"#;
        let lines = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(lines(&to_yaml(&value)), lines(expected));
        assert!(to_yaml(&value).contains("  - key: 1\n    other: \"no\"\n"));
    }
}
