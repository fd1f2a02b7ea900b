//! How bytes are carried in JSON: as lower-case hexadecimal digits, exactly as many as there are. Floating-point numbers go by
//! their bits, because decimal digits may come back as a neighbour.

use serde::{Deserialize, Deserializer, Serializer, de::Error};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn write(bytes: &[u8]) -> String {
    let digit = |n: u8| DIGITS.get(usize::from(n)).map_or('0', |digit| char::from(*digit));
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn read(text: &str) -> Option<Vec<u8>> {
    let value = |digit: &u8| DIGITS.iter().position(|known| known == digit).and_then(|n| u8::try_from(n).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(value(high)? << 4 | value(low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

fn parse<B: TryFrom<Vec<u8>>, E: Error>(text: &str) -> Result<B, E> {
    let bytes = read(text).and_then(|bytes| B::try_from(bytes).ok());
    bytes.ok_or_else(|| E::custom("hexadecimal digits of the right number are expected"))
}

/// Any bytes, or so many as the type has.
pub(crate) fn serialize<S: Serializer, B: AsRef<[u8]>>(bytes: &B, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&write(bytes.as_ref()))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>, B: TryFrom<Vec<u8>>>(deserializer: D) -> Result<B, D::Error> {
    parse(&String::deserialize(deserializer)?)
}

/// Bytes or null.
pub(crate) mod optional {
    use super::{Deserialize, Deserializer, Serializer, parse, write};

    pub(crate) fn serialize<S, B>(bytes: &Option<B>, serializer: S) -> Result<S::Ok, S::Error>
    where
        S: Serializer,
        B: AsRef<[u8]>,
    {
        match bytes {
            Some(bytes) => serializer.serialize_some(&write(bytes.as_ref())),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D, B>(deserializer: D) -> Result<Option<B>, D::Error>
    where
        D: Deserializer<'de>,
        B: TryFrom<Vec<u8>>,
    {
        Option::<String>::deserialize(deserializer)?.map(|text| parse(&text)).transpose()
    }
}

/// One number by its bits.
pub(crate) mod float {
    use super::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(number: &f32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(number.to_bits())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
        u32::deserialize(deserializer).map(f32::from_bits)
    }
}

/// Numbers by their bits, eight digits each.
pub(crate) mod floats {
    use super::{Deserialize, Deserializer, Error, Serializer, read, write};

    pub(crate) fn serialize<S: Serializer>(numbers: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_bits().to_be_bytes()).collect();
        serializer.serialize_str(&write(&bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
        let bytes = read(&String::deserialize(deserializer)?);
        let number = |four: &[u8]| <[u8; 4]>::try_from(four).ok().map(|bits| f32::from_bits(u32::from_be_bytes(bits)));
        let numbers = bytes.and_then(|bytes| bytes.chunks(4).map(number).collect());
        numbers.ok_or_else(|| D::Error::custom("eight hexadecimal digits for each number are expected"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_str, to_string};

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct All {
        #[serde(with = "super")]
        four: [u8; 4],
        #[serde(with = "super")]
        any: Vec<u8>,
        #[serde(with = "super::optional")]
        two: Option<[u8; 2]>,
        #[serde(with = "super::float")]
        one: f32,
        #[serde(with = "super::floats")]
        many: Vec<f32>,
    }

    #[test]
    fn bytes_and_bits_come_back_as_they_went() {
        let numbers = [f32::MIN_POSITIVE, f32::MAX, -0.0, 0.1, 16_777_217.0, f32::from_bits(1)];
        for (any, two) in [(vec![], None), ((0..=u8::MAX).collect::<Vec<u8>>(), Some([0xab, 0x01]))] {
            for one in numbers {
                let all = All { four: [0, 1, 0xfe, 0xff], any: any.clone(), two, one, many: numbers.to_vec() };
                let back: All = from_str(&to_string(&all).unwrap()).unwrap();
                assert_eq!(back.one.to_bits(), one.to_bits());
                assert_eq!(back, all);
            }
        }
    }

    #[test]
    fn what_is_no_hexadecimal_number_of_the_right_length_is_refused() {
        let text = |four: &str| format!(r#"{{"four":"{four}","any":"","two":null,"one":0,"many":""}}"#);
        assert!(from_str::<All>(&text("00ff00ff")).is_ok());
        for bad in ["", "00ff00f", "00ff00", "00ff00ff00", "00FF00FF", "00fg00ff", " 0ff00ff", "é0ff00f"] {
            assert!(from_str::<All>(&text(bad)).is_err(), "{bad:?}");
        }
        let long = r#"{"four":"00000000","any":"","two":null,"one":0,"many":"00112233aa"}"#;
        assert!(from_str::<All>(long).is_err(), "a number and a quarter");
    }
}
