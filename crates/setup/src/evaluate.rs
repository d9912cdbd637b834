//! What IAM policy documents allow, as far as it can be told from outside.
//!
//! IAM's own simulator is not asked: it needs a permission that few callers
//! have. The rules are those of
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>,
//! for the few elements that policies of a delivery role have. Whatever else
//! stands in a document makes the answer [`Answer::Unclear`], never a guess.

use serde_json::Value;

use crate::documents::one_or_many;

/// What is asked of the documents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// The action, such as `logs:PutLogEvents`.
    pub(crate) action: &'a str,
    /// The ARN that it is about; `None` for a trust policy, which has none.
    pub(crate) resource: Option<&'a str>,
    /// The service that asks; `None` where a policy names nobody.
    pub(crate) service: Option<&'a str>,
    /// The condition keys that are known, and their values.
    pub(crate) context: &'a [(&'a str, &'a str)],
}

/// Whether a request is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A statement allows it and none denies it.
    Allowed,
    /// No statement allows it, or one denies it.
    Denied,
    /// It depends on something that cannot be looked at.
    Unclear,
}

/// Evaluates the documents together, as IAM does with all policies of a role.
pub(crate) fn evaluate(documents: &[Value], request: Request<'_>) -> Answer {
    let mut denied = Match::No;
    let mut allowed = Match::No;
    for document in documents {
        if !document.is_object() {
            // A document that could not be read may say anything.
            allowed = allowed.or(Match::Unclear);
        }
        for statement in one_or_many(&document["Statement"]) {
            let matches = statement_match(statement, request);
            match statement["Effect"].as_str() {
                Some("Deny") => denied = denied.or(matches),
                Some("Allow") => allowed = allowed.or(matches),
                _ => {}
            }
        }
    }
    match (denied, allowed) {
        (Match::Yes, _) | (_, Match::No) => Answer::Denied,
        (Match::No, Match::Yes) => Answer::Allowed,
        _ => Answer::Unclear,
    }
}

/// Whether a statement is about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Match {
    Yes,
    No,
    Unclear,
}

impl Match {
    fn of(holds: bool) -> Match {
        if holds { Match::Yes } else { Match::No }
    }

    fn and(self, other: Match) -> Match {
        match (self, other) {
            (Match::No, _) | (_, Match::No) => Match::No,
            (Match::Yes, Match::Yes) => Match::Yes,
            _ => Match::Unclear,
        }
    }

    fn or(self, other: Match) -> Match {
        match (self, other) {
            (Match::Yes, _) | (_, Match::Yes) => Match::Yes,
            (Match::No, Match::No) => Match::No,
            _ => Match::Unclear,
        }
    }

    fn not(self) -> Match {
        match self {
            Match::Yes => Match::No,
            Match::No => Match::Yes,
            Match::Unclear => Match::Unclear,
        }
    }
}

fn statement_match(statement: &Value, request: Request<'_>) -> Match {
    let action = element(statement, "Action", "NotAction", |pattern| {
        // The names of actions have no case.
        glob(&pattern.to_lowercase(), &request.action.to_lowercase())
    });
    let resource = request.resource.map_or(Match::Yes, |resource| {
        element(statement, "Resource", "NotResource", |pattern| {
            glob(pattern, resource)
        })
    });
    let principal = request
        .service
        .map_or(Match::Yes, |service| principal_match(statement, service));
    let condition = conditions_match(&statement["Condition"], request.context);
    action.and(resource).and(principal).and(condition)
}

/// An element that lists patterns, or its negation.
fn element(statement: &Value, name: &str, negated: &str, matches: impl Fn(&str) -> Match) -> Match {
    let any = |list: &Value| {
        let patterns = one_or_many(list).iter().filter_map(Value::as_str);
        patterns.map(&matches).fold(Match::No, Match::or)
    };
    match (statement.get(name), statement.get(negated)) {
        (Some(list), _) => any(list),
        (None, Some(list)) => any(list).not(),
        (None, None) => Match::No,
    }
}

fn principal_match(statement: &Value, service: &str) -> Match {
    let is_service = |principal: &Value| {
        let services = one_or_many(&principal["Service"]);
        let everyone = principal == "*" || principal["AWS"] == "*";
        Match::of(everyone || services.iter().any(|name| name == service || name == "*"))
    };
    match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(principal), _) => is_service(principal),
        (None, Some(principal)) => is_service(principal).not(),
        (None, None) => Match::No,
    }
}

/// All conditions have to hold; the values of one are alternatives.
fn conditions_match(conditions: &Value, context: &[(&str, &str)]) -> Match {
    let Some(conditions) = conditions.as_object() else {
        return Match::of(conditions.is_null());
    };
    let each = conditions.iter().flat_map(|(operator, keys)| {
        let keys = keys.as_object().into_iter().flatten();
        keys.map(move |(key, values)| (operator, key, values))
    });
    each.map(|(operator, key, values)| {
        let known = context
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(key));
        known.map_or(Match::Unclear, |(_, value)| {
            condition_match(operator, values, value)
        })
    })
    .fold(Match::Yes, Match::and)
}

fn condition_match(operator: &str, expected: &Value, value: &str) -> Match {
    let operator = operator.strip_suffix("IfExists").unwrap_or(operator);
    let any = |matches: &dyn Fn(&str) -> Match| {
        let expected = one_or_many(expected).iter().filter_map(Value::as_str);
        expected.map(matches).fold(Match::No, Match::or)
    };
    let equals = |expected: &str| match expected.contains("${") {
        true => Match::Unclear,
        false => Match::of(expected == value),
    };
    let like = |expected: &str| glob(expected, value);
    match operator {
        "StringEquals" => any(&equals),
        "StringNotEquals" => any(&equals).not(),
        "StringEqualsIgnoreCase" => {
            any(&|expected| Match::of(expected.eq_ignore_ascii_case(value)))
        }
        // ArnEquals takes wildcards too: it is the same as ArnLike.
        "StringLike" | "ArnLike" | "ArnEquals" => any(&like),
        "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => any(&like).not(),
        _ => Match::Unclear,
    }
}

/// Whether a pattern with `*` and `?` covers the whole text. A variable such as
/// `${aws:PrincipalAccount}` in it has a value that only IAM knows.
fn glob(pattern: &str, text: &str) -> Match {
    if pattern.contains("${") {
        return Match::Unclear;
    }
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut read) = (0, 0);
    // Where to go on when what follows the last `*` does not fit here.
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, read));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[read] => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((after, tried)) = star else {
                    return Match::No;
                };
                star = Some((after, tried + 1));
                at = after;
                read = tried + 1;
            }
        }
    }
    Match::of(pattern[at..].iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests;
