//! The inner parts on their own: numbers, stamps, lines.

use crate::number::{fixed, push_fixed, whole};
use crate::stamp::{Stamp, StampStyle, Stated, parse_time, stamp};
use crate::text::{LINE_MAX, Text};
use aitrading_model::Price;
use proptest::prelude::*;
use std::convert::Infallible;

proptest! {
    #[test]
    fn numbers_are_read_as_the_model_reads_them(text in "-?[0-9]{0,12}(\\.[0-9]{0,8}0{0,3})?|[0-9.eE+-]{0,9}") {
        let model = text.parse::<Price>().ok().map(Price::raw);
        prop_assert_eq!(fixed(text.as_bytes()), model, "{}", text);
    }

    #[test]
    fn a_written_number_is_read_as_itself(raw in any::<i64>(), decimals in 0_u8..10) {
        let mut out = Vec::new();
        push_fixed(&mut out, raw, decimals);
        // The one number without a positive counterpart is beyond every price.
        prop_assert_eq!(fixed(&out), (raw != i64::MIN).then_some(raw));
        let shown = Price::from_raw(raw).with_decimals(decimals).to_string();
        prop_assert_eq!(String::from_utf8(out).unwrap(), shown);
    }

    #[test]
    fn any_bytes_as_a_stamp_end_in_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        for style in [StampStyle::Compact, StampStyle::TrueFx, StampStyle::Dukascopy, StampStyle::Csv] {
            prop_assert!(stamp(style, &bytes).is_none_or(|stamp| stamp.wall.abs() < 1 << 60));
        }
    }
}

#[test]
fn decimals_beyond_the_resolution_are_noise_or_refused() {
    let cases = [
        ("128765.00000000001", Some("128765")),
        ("130336.99999999997", Some("130337")),
        ("1.3065999999999999", Some("1.3066")),
        ("-1.3065999999999999", Some("-1.3066")),
        ("1.123456780000", Some("1.12345678")),
        ("1.123456789", None),
        ("1.1234567899", None),
        ("1.12345678012", None),
        ("1.12345678995x", None),
        ("1.1234567800.1", None),
    ];
    for (text, expected) in cases {
        let expected = expected.map(|text| text.parse::<Price>().unwrap().raw());
        assert_eq!(fixed(text.as_bytes()), expected, "{text}");
    }
}

#[test]
fn whole_numbers_have_digits_and_nothing_else() {
    for (text, value) in [("0", Some(0)), ("007", Some(7)), ("", None), ("+1", None), ("-1", None), ("1.0", None)] {
        assert_eq!(whole(text.as_bytes()), value, "{text}");
    }
    assert_eq!(whole(&[b'9'; 18]), Some(999_999_999_999_999_999));
    assert_eq!(whole(&[b'9'; 19]), None);
}

fn check_stamp(style: StampStyle, text: &str, expected: Option<(i64, Stated)>) {
    let expected = expected.map(|(wall, stated)| Stamp { wall, stated });
    assert_eq!(stamp(style, text.as_bytes()), expected, "{text}");
}

#[test]
fn each_style_reads_its_stamps_and_no_others() {
    // 2012-02-01 00:00:00 UTC.
    const DAY: i64 = 1_328_054_400_000;
    let nothing = |wall| Some((wall, Stated::Nothing));
    let offset = |wall, minutes| Some((wall, Stated::Offset(minutes)));
    use StampStyle::{Compact, Csv, Dukascopy, TrueFx};
    let cases = [
        (Compact, "20120201 000000123", nothing(DAY + 123)),
        (Compact, "20120201 235959", nothing(DAY + 86_399_000)),
        (Compact, "20120201 00000012", None),
        (Compact, "20120230 000000123", None),
        (Compact, "20120201 240000000", None),
        (Compact, "20120201 006000000", None),
        (TrueFx, "20120201 00:00:01.5", nothing(DAY + 1_500)),
        (TrueFx, "20120201 00:00", None),
        (Dukascopy, "01.02.2012 00:00:00.123", nothing(DAY + 123)),
        (Dukascopy, "2012.02.01 00:00:00.123", nothing(DAY + 123)),
        (Dukascopy, "01.02.2012 01:00:00.000 GMT+0100", offset(DAY + 3_600_000, 60)),
        (Dukascopy, "01.02.2012 01:00:00.000 GMT", offset(DAY + 3_600_000, 0)),
        (Dukascopy, "01.02.2012 01:00:00.000 CET", None),
        (Dukascopy, "31.04.2012 01:00:00.000", None),
        (Csv, "1328054400123", Some((DAY + 123, Stated::Epoch))),
        (Csv, "1328054400", None),
        (Csv, "2012-02-01 00:00:00", nothing(DAY)),
        (Csv, "2012-02-01", nothing(DAY)),
        (Csv, "2012-02-01T00:00:00.295999Z", offset(DAY + 295, 0)),
        (Csv, "2012-02-01 00:00:00.295000+00:00", offset(DAY + 295, 0)),
        (Csv, "2012-02-01 00:00:00-0530", offset(DAY, -330)),
        (Csv, "2012-02-01 00:00:00+16", None),
        (Csv, "2012-02-01 00:00:00 ", None),
        (Csv, "2012-02-29T00:00", nothing(DAY + 28 * 86_400_000)),
        (Csv, "2013-02-29T00:00", None),
    ];
    for (style, text, expected) in cases {
        check_stamp(style, text, expected);
    }
}

fn lines(bytes: &[u8], chunk: usize) -> Vec<(u64, Option<Vec<u8>>)> {
    let mut text = Text::default();
    let mut seen = Vec::new();
    let mut each = |(number, line): (u64, Option<&[u8]>)| -> Result<(), Infallible> {
        seen.push((number, line.map(<[u8]>::to_vec)));
        Ok(())
    };
    for part in bytes.chunks(chunk) {
        text.feed(part, &mut each).unwrap();
    }
    text.finish(&mut each).unwrap();
    seen
}

fn check_lines(bytes: &[u8], expected: &[&str]) {
    let expected: Vec<_> = (1..).zip(expected.iter().map(|line| Some(line.as_bytes().to_vec()))).collect();
    for chunk in [1, 2, 3, 4, 5, 1_000_000] {
        assert_eq!(lines(bytes, chunk), expected, "chunks of {chunk}");
    }
}

#[test]
fn lines_end_where_they_end_in_every_encoding() {
    let utf16 = |text: &str, mark: [u8; 2], big: bool| {
        let units = text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
        mark.into_iter().chain(units).collect::<Vec<u8>>()
    };
    check_lines(b"a\r\n\nb", &["a", "", "b"]);
    check_lines(b"\xef\xbb\xbfab\ncd\n", &["ab", "cd"]);
    check_lines(&utf16("ab\r\nc\u{e4}d\n", [0xff, 0xfe], false), &["ab", "c?d"]);
    check_lines(&utf16("ab\r\ncd", [0xfe, 0xff], true), &["ab", "cd"]);
    check_lines(b"\xff\xfea", &["?"]);
    check_lines(b"a", &["a"]);
    check_lines(b"", &[]);
}

#[test]
fn a_line_that_is_too_long_is_named_and_skipped_however_it_arrives() {
    let mut bytes = vec![b'x'; LINE_MAX];
    bytes.extend_from_slice(b"\n");
    bytes.extend_from_slice(&vec![b'y'; LINE_MAX + 1]);
    bytes.extend_from_slice(b"\nz");
    for chunk in [1, 7, 4096, 4097, 1_000_000] {
        let seen: Vec<_> = lines(&bytes, chunk).iter().map(|(n, line)| (*n, line.as_ref().map(Vec::len))).collect();
        assert_eq!(seen, [(1, Some(LINE_MAX)), (2, None), (3, Some(1))], "chunks of {chunk}");
    }
}

#[test]
fn times_of_a_command_line_are_utc_unless_they_state_an_offset() {
    for (text, time) in [
        ("1354492801883", Some(1_354_492_801_883)),
        ("2012-12-03", Some(1_354_492_800_000)),
        ("2012-12-03T00:00:01.883Z", Some(1_354_492_801_883)),
        ("2012-12-03 02:00+02:00", Some(1_354_492_800_000)),
        ("2012-02-30", None),
        ("yesterday", None),
        ("", None),
    ] {
        assert_eq!(parse_time(text).map(|time| time.0), time, "{text}");
    }
}
