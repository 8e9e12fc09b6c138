//! JSON texts as tokens, so that a test can say which bytes of one are whose.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

/// One token of a JSON text with the white space before it, and the path of the innermost value that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) blank: String,
    pub(super) text: String,
    pub(super) path: Vec<String>,
}

/// Reads a JSON text into tokens; knows nothing of the code under test.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut scanner = Scanner {
        rest: text,
        tokens: Vec::new(),
    };
    scanner.value(&mut Vec::new());
    let end = scanner.rest.to_owned();
    scanner.tokens.push(Token {
        blank: end,
        text: String::new(),
        path: Vec::new(),
    });
    scanner.tokens
}

struct Scanner<'a> {
    rest: &'a str,
    tokens: Vec<Token>,
}

impl Scanner<'_> {
    fn token(&mut self, path: &[String]) -> String {
        let trimmed = self.rest.trim_start_matches([' ', '\n', '\r', '\t']);
        let blank = self.rest[..self.rest.len() - trimmed.len()].to_owned();
        let length = match trimmed.as_bytes()[0] {
            b'"' => {
                let mut is_escaped = false;
                let end = trimmed.char_indices().skip(1).find(|&(_, c)| {
                    let ends = c == '"' && !is_escaped;
                    is_escaped = c == '\\' && !is_escaped;
                    ends
                });
                end.unwrap().0 + 1
            }
            b'[' | b']' | b'{' | b'}' | b',' | b':' => 1,
            _ => {
                let is_end = |c: char| c.is_whitespace() || "]},".contains(c);
                trimmed.find(is_end).unwrap_or(trimmed.len())
            }
        };
        let text = trimmed[..length].to_owned();
        self.rest = &trimmed[length..];
        let path = path.to_vec();
        self.tokens.push(Token {
            blank,
            text: text.clone(),
            path,
        });
        text
    }

    fn next_byte(&self) -> u8 {
        self.rest.trim_start().as_bytes()[0]
    }

    fn value(&mut self, path: &mut Vec<String>) {
        let first = self.token(path);
        let end = match first.as_str() {
            "{" => b'}',
            "[" => b']',
            _ => return,
        };
        let mut index = 0;
        while self.next_byte() != end {
            if self.next_byte() == b',' {
                self.token(path);
            }
            if end == b'}' {
                // Key and colon belong to the member.
                path.push(String::new());
                let key = self.token(path);
                let key: String = serde_json::from_str(&key).unwrap();
                path.pop();
                path.push(key);
                self.tokens.last_mut().unwrap().path.clone_from(path);
                self.token(path);
            } else {
                path.push(index.to_string());
                index += 1;
            }
            self.value(path);
            path.pop();
        }
        self.token(path);
    }
}
