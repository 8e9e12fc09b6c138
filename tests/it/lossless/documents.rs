//! Random configurations: unknown keys at any depth, odd numbers, escapes, white space, and null, empty or nothing.

use proptest::prelude::*;

fn blank() -> impl Strategy<Value = String> {
    prop_oneof![6 => Just(String::new()), 1 => "[ \t]{1,2}", 1 => Just("\n  ".to_owned()), 1 => Just("\r\n\t".to_owned())]
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -!#-\\[\\]-~]{0,4}",
        Just("\\u0041".to_owned()),
        Just("\\/\\b\\f\\n\\\"\\\\".to_owned()),
        Just("\\ud83d\\ude00".to_owned()),
        Just("\\ud800".to_owned()),
        Just("\u{e9}e\u{301}\u{2028}\u{1f600}\u{feff}".to_owned()),
        Just("<&>\\u003c".to_owned()),
    ];
    prop::collection::vec(piece, 0..3).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn unknown() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("-0".to_owned()),
        Just("1E+2".to_owned()),
        Just("1.10".to_owned()),
        Just("123456789012345678901234567890.000".to_owned()),
        Just("{}".to_owned()),
        Just("[ ]".to_owned()),
        text(),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            list(inner.clone()),
            object(prop::collection::vec((key(), inner), 0..3))
        ]
    })
}

/// Keys that look like others and are not.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("x".to_owned()),
        "[a-z]{1,3}[0-9]{3}",
        Just("\u{e9}0".to_owned()),
        Just("e\u{301}0".to_owned()),
        Just("config.Env".to_owned()),
        Just(String::new())
    ]
}

fn list(item: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (prop::collection::vec(item, 0..4), blank(), blank()).prop_map(|(items, before, after)| {
        let items: Vec<String> = items
            .iter()
            .map(|item| format!("{before}{item}{after}"))
            .collect();
        format!("[{}]", items.join(","))
    })
}

fn object(members: impl Strategy<Value = Vec<(String, String)>>) -> impl Strategy<Value = String> {
    (members, blank(), blank(), blank()).prop_map(|(mut members, before, colon, after)| {
        let mut seen = Vec::new();
        members.retain(|(key, _)| {
            !seen.contains(key) && {
                seen.push(key.clone());
                true
            }
        });
        let member = |(key, value): &(String, String)| {
            format!("{before}\"{key}\"{colon}:{colon}{value}{after}")
        };
        let members: Vec<String> = members.iter().map(member).collect();
        format!("{{{}}}", members.join(","))
    })
}

/// A value that a field may have, or null, or none at all.
fn optional(key: &str, value: BoxedStrategy<String>) -> BoxedStrategy<Option<(String, String)>> {
    let key = key.to_owned();
    prop_oneof![1 => Just(None), 1 => Just(Some("null".to_owned())), 4 => value.prop_map(Some)]
        .prop_map(move |value| value.map(|value| (key.clone(), value)))
        .boxed()
}

fn members(fields: Vec<(&str, BoxedStrategy<String>)>) -> BoxedStrategy<String> {
    let fields: Vec<_> = fields
        .into_iter()
        .map(|(key, value)| optional(key, value))
        .collect();
    let strange = prop::collection::vec((key(), unknown()), 0..3);
    let all = (fields, strange).prop_map(|(fields, strange)| {
        let fields = fields.into_iter().flatten();
        fields.chain(strange).collect::<Vec<_>>()
    });
    object(all.prop_shuffle()).boxed()
}

/// A configuration that Docker would load, with much in it that no tool knows.
pub(crate) fn config() -> impl Strategy<Value = String> {
    let texts = || list(text()).boxed();
    let env = || {
        list(prop_oneof![
            text(),
            Just("\"A=1\"".to_owned()),
            Just("\"A\"".to_owned()),
            Just("\"B\\u003d2\"".to_owned())
        ])
        .boxed()
    };
    let set = |keys: &'static [&'static str]| {
        let member = (prop::sample::select(keys), Just("{ }"));
        object(prop::collection::vec(
            member.prop_map(|(k, v)| (k.to_owned(), v.to_owned())),
            0..3,
        ))
        .boxed()
    };
    let number = || {
        prop_oneof![Just("0"), Just("-1"), Just("9223372036854775807")]
            .prop_map(str::to_owned)
            .boxed()
    };
    let labels = object(prop::collection::vec((key(), text()), 0..4)).boxed();
    let check = members(vec![
        ("Test", texts()),
        ("Interval", number()),
        ("Timeout", number()),
        ("StartPeriod", number()),
        ("StartInterval", number()),
        ("Retries", number()),
    ]);
    // Without layers no entry may tell of one.
    let entry = members(vec![
        ("created_by", text().boxed()),
        ("comment", text().boxed()),
    ]);
    let entry = entry.prop_map(|entry| {
        entry
            .replacen('{', "{\"empty_layer\":true,", 1)
            .replace(",}", "}")
    });
    let inner = members(vec![
        ("Hostname", text().boxed()),
        ("User", text().boxed()),
        ("ExposedPorts", set(&["80/tcp", "8080", "53/udp"])),
        ("Env", env()),
        ("Cmd", texts()),
        ("Healthcheck", check),
        ("Volumes", set(&["/data", "/a"])),
        ("WorkingDir", text().boxed()),
        ("Entrypoint", prop_oneof![text(), texts()].boxed()),
        ("OnBuild", texts()),
        ("Labels", labels),
        ("StopTimeout", number()),
        ("StopSignal", text().boxed()),
        ("Domainname", text().boxed()),
        ("Shell", texts()),
    ]);
    let outer = vec![
        ("architecture", text().boxed()),
        ("author", text().boxed()),
        ("config", inner),
        (
            "created",
            Just("\"2024-05-06T07:08:09.120+02:00\"".to_owned()).boxed(),
        ),
        ("os", Just("\"linux\"".to_owned()).boxed()),
        ("os.features", texts()),
        ("os.version", text().boxed()),
        ("variant", text().boxed()),
        ("comment", text().boxed()),
        ("history", list(entry).boxed()),
    ];
    (members(outer), blank()).prop_map(|(outer, blank)| {
        let rest = &outer[1..];
        let comma = if rest.trim_start().starts_with('}') {
            ""
        } else {
            ","
        };
        format!("{blank}{{\"rootfs\":{{\"type\":\"layers\"}}{comma}{rest}{blank}\n")
    })
}
