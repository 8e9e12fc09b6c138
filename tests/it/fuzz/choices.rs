//! Bytes as decisions: a fuzzer changes the bytes, and another path is taken from there on.

/// Decisions that some bytes stand for; where there are none left it is always the first choice.
pub(crate) struct Choices<'a> {
    bytes: &'a [u8],
}

impl<'a> Choices<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(crate) fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                *first
            }
            None => 0,
        }
    }

    /// Returns a number below `n`, which is not 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        let mut number = usize::from(self.byte());
        if n > 256 {
            number = number << 8 | usize::from(self.byte());
        }
        number % n
    }

    /// Tells whether something happens that seldom does; never once the bytes are used up.
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    pub(crate) fn pick<'t, T: ?Sized>(&mut self, items: &'t [&'t T]) -> &'t T {
        items[self.below(items.len())]
    }

    /// Returns what is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.bytes
    }
}
