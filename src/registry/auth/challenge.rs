//! What a registry asks for (RFC 9110, section 11.6.1; distribution's `spec/auth/token.md`).

/// What a request without the right credentials is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Challenge {
    /// Name and password in each request.
    Basic,
    /// A token of another server.
    Bearer {
        realm: String,
        service: Option<String>,
        /// What the registry thinks is needed.
        scope: Option<String>,
    },
}

impl Challenge {
    /// Returns the first challenge of these headers that can be met; tokens come first.
    pub(in super::super) fn first<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Self> {
        let challenges: Vec<Self> = headers.flat_map(parse).collect();
        let is_token = |challenge: &&Self| matches!(challenge, Self::Bearer { .. });
        let found = challenges.iter().find(is_token).or(challenges.first());
        found.cloned()
    }
}

/// One header can have several: `Basic realm="x", Bearer realm="…",service="…"`.
fn parse(header: &str) -> Vec<Challenge> {
    let mut challenges: Vec<(String, Vec<(String, String)>)> = Vec::new();
    let mut rest = header.trim_start();
    while !rest.is_empty() {
        let (word, after) = token(rest);
        if word.is_empty() {
            // Commas, and what is no challenge.
            let mut chars = rest.chars();
            chars.next();
            rest = chars.as_str().trim_start();
            continue;
        }
        let after = after.trim_start();
        match (after.strip_prefix('='), challenges.last_mut()) {
            (Some(value), Some((_, parameters))) => {
                let (value, after) = parameter_value(value.trim_start());
                parameters.push((word.to_ascii_lowercase(), value));
                rest = after.trim_start();
            }
            (Some(value), None) => rest = value,
            (None, _) => {
                challenges.push((word.to_ascii_lowercase(), Vec::new()));
                rest = after;
            }
        }
    }
    challenges.into_iter().filter_map(challenge).collect()
}

fn challenge((scheme, parameters): (String, Vec<(String, String)>)) -> Option<Challenge> {
    let parameter = |name: &str| {
        let mut found = parameters.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.clone())
    };
    match scheme.as_str() {
        "basic" => Some(Challenge::Basic),
        "bearer" => Some(Challenge::Bearer {
            realm: parameter("realm")?,
            service: parameter("service"),
            scope: parameter("scope"),
        }),
        _ => None,
    }
}

/// RFC 9110, section 5.6.2.
fn token(text: &str) -> (&str, &str) {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    text.split_at(text.find(|c| !is_token(c)).unwrap_or(text.len()))
}

/// A token, or a quoted string with its escapes.
fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::{Challenge, parameter_value};

    #[test]
    fn a_value_ends_at_its_quote_or_where_the_next_begins() {
        for (text, value, rest) in [
            ("a,b", "a", ",b"),
            ("a b", "a", " b"),
            ("a", "a", ""),
            ("\"a, b\",c", "a, b", ",c"),
            ("\"\",c", "", ",c"),
            ("\"a\\\"b\" c", "a\"b", " c"),
            ("\"é\"c", "é", "c"),
            ("\"a", "a", ""),
        ] {
            assert_eq!(parameter_value(text), (value.to_owned(), rest), "{text}");
        }
    }

    fn first(header: &str) -> Option<Challenge> {
        Challenge::first([header].into_iter())
    }

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
            scope: scope.map(str::to_owned),
        }
    }

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        assert_eq!(
            first(hub),
            Some(bearer(
                "https://auth.docker.io/token",
                Some("registry.docker.io"),
                Some("repository:a/b:pull,push")
            ))
        );
        assert_eq!(first("basic"), Some(Challenge::Basic));
        assert_eq!(first(r#"Basic realm="a \"b\", c""#), Some(Challenge::Basic));
        assert_eq!(
            first(r#"bearer REALM = "r" , service=s"#),
            Some(bearer("r", Some("s"), None))
        );
    }

    #[test]
    fn a_token_is_chosen_before_a_password() {
        let both = r#"Basic realm="x", Bearer realm="r""#;
        assert_eq!(first(both), Some(bearer("r", None, None)));
        let headers = [r#"Basic realm="x""#, r#"Bearer realm="r""#];
        assert_eq!(
            Challenge::first(headers.into_iter()),
            Some(bearer("r", None, None))
        );
    }

    #[test]
    fn what_is_no_challenge_is_none() {
        for header in [
            "",
            ",,,",
            "=",
            "Negotiate",
            r#"Bearer service="s""#,
            "Bearer",
            "\"",
            "realm=x",
            "ü ü=ü",
        ] {
            assert_eq!(first(header), None, "{header}");
        }
        assert_eq!(
            first(r#"Bearer realm="open"#),
            Some(bearer("open", None, None))
        );
        assert_eq!(first(r#"Bearer realm="a\"#), Some(bearer("a", None, None)));
    }
}
