//! However a file is cut into chunks it reads the same, and no bytes whatever make a reader panic.

use aitrading_market_files::{Collected, Format, MarketFileError, Reader, Settings, Summary, Zone, sniff};
use aitrading_model::MarketTime;
use proptest::prelude::*;

type Outcome = (Collected, Result<Summary, MarketFileError>);

fn settings(format: Format) -> Settings {
    let zone = format.zone().is_none().then_some(Zone::EuDst(120));
    let bi5 = format == Format::Bi5;
    Settings {
        zone,
        points: bi5.then_some(5),
        hour: bi5.then_some(MarketTime(1_354_543_200_000)),
        latest: None,
        stated: None,
    }
}

fn read_in(format: Format, bytes: &[u8], cuts: &[usize]) -> Outcome {
    let mut sink = Collected::default();
    let mut reader = Reader::new(format, settings(format)).unwrap();
    let mut rest = bytes;
    let mut cuts = cuts.iter().cycle();
    while !rest.is_empty() {
        let (chunk, left) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
        rest = left;
        if let Err(error) = reader.feed(chunk, &mut sink) {
            return (sink, Err(error));
        }
    }
    let summary = reader.finish(&mut sink);
    (sink, summary)
}

fn line() -> impl Strategy<Value = String> {
    let second = 0_u32..60;
    prop_oneof![
        second.clone().prop_map(|s| format!("2019.10.27\t03:00:{s:02}.000\t1.1\t\t\t\t2\r\n")),
        second.clone().prop_map(|s| format!("2019.10.27\t03:00:{s:02}.000\t1.1\t1.2\t\t\t6\n")),
        second.clone().prop_map(|s| format!("20120201 0000{s:02}123,1.3,1.4,0\n")),
        second.clone().prop_map(|s| format!("01.02.2012 00:00:{s:02}.123,1.4,1.3,1.5,1.13\r\n")),
        second.clone().prop_map(|s| format!("EUR/USD,20120103 00:00:{s:02}.123,1.29,1.30\n")),
        second.prop_map(|s| format!("2012-02-01T00:00:{s:02}Z,1.3,1.4,1.2,1.3\n")),
        Just("time_msc,bid,ask\n".to_owned()),
        Just("<DATE>\t<TIME>\t<BID>\t<ASK>\n".to_owned()),
        Just("\u{e4}\n\n".to_owned()),
        "[0-9.,;\t: TZ+-]{0,40}\n",
    ]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let text = prop::collection::vec(line(), 0..150).prop_map(|lines| lines.concat());
    let wide = |text: String, big: bool| {
        let unit = move |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        std::iter::once(0xfeff).chain(text.encode_utf16().collect::<Vec<_>>()).flat_map(unit).collect::<Vec<u8>>()
    };
    (text, 0_u8..4).prop_map(move |(text, encoding)| match encoding {
        0 => text.into_bytes(),
        1 => ["\u{feff}", &text].concat().into_bytes(),
        2 => wide(text, false),
        _ => wide(text, true),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn chunks_do_not_matter(bytes in text(), cuts in prop::collection::vec(1_usize..200, 1..20)) {
        for format in Format::ALL {
            let whole = read_in(format, &bytes, &[usize::MAX]);
            prop_assert_eq!(&read_in(format, &bytes, &cuts), &whole, "{}", format);
            prop_assert_eq!(&read_in(format, &bytes, &[1]), &whole, "{}", format);
        }
    }

    #[test]
    fn any_bytes_end_in_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        drop(sniff(&bytes));
        for format in Format::ALL {
            drop(read_in(format, &bytes, &[usize::MAX]));
        }
    }

    #[test]
    fn any_compressed_bytes_end_in_an_answer(properties in 0_u8..=255, body in prop::collection::vec(any::<u8>(), 0..500)) {
        // A plausible header, so that the bytes behind it are really decompressed.
        let header = [&[properties, 0, 0, 1, 0][..], &[0xff; 8], &[0]].concat();
        drop(read_in(Format::Bi5, &[header, body].concat(), &[usize::MAX]));
    }

    #[test]
    fn whatever_comes_out_keeps_the_rules(bytes in text()) {
        for format in Format::ALL {
            let (got, _) = read_in(format, &bytes, &[usize::MAX]);
            prop_assert!(got.ticks.iter().zip(got.ticks.iter().skip(1)).all(|(a, b)| a.time <= b.time));
            prop_assert!(got.bars.iter().zip(got.bars.iter().skip(1)).all(|(a, b)| a.start < b.start));
            prop_assert!(got.ticks.iter().all(|tick| tick.is_no_quote() || (tick.bid.is_positive() && tick.bid <= tick.ask)));
        }
    }
}
