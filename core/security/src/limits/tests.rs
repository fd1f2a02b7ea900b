//! Quotas, the table's bound, and whose address counts.

use super::*;
use aitrading_env::{RngExt, sim::SeededRng};
use aitrading_error::Coded;
use std::{collections::BTreeSet, time::Duration};

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const SPEC: &str = include_str!("../../../../docs/specs/limits.md");

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn stranger(address: &str) -> Caller {
    Caller { known: None, address: Some(ip(address)) }
}

fn user(number: u8, device: Option<u8>, address: &str) -> Caller {
    let device = device.map(|number| DeviceId([number; 16]));
    let known = Known { tenant: TenantId(1), who: Who::User([number; 16]), device };
    Caller { known: Some(known), address: Some(ip(address)) }
}

fn quota(count: u32, seconds: u64, burst: u32) -> Quota {
    Quota::new(count, Duration::from_secs(seconds), burst).unwrap()
}

fn is_allowed(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Allowed { .. })
}

/// How many of `tries`, evenly over `span_ns`, get through.
fn passed(limiter: &Limiter, action: Action, caller: &Caller, (from_ns, span_ns): (u64, u64), tries: u64) -> u64 {
    let at = |n: u64| from_ns + span_ns / tries * n;
    (0..tries).filter(|n| is_allowed(&limiter.check(action, caller, at(*n)))).count() as u64
}

#[test]
fn a_user_gets_120_requests_a_minute_and_30_at_once() {
    let limiter = Limiter::new(Quotas::default());
    let caller = user(1, None, "192.0.2.1");
    assert_eq!(passed(&limiter, Action::ApiRead, &caller, (MINUTE, 1000), 1000), 30, "at once");
    let after = passed(&limiter, Action::ApiRead, &caller, (MINUTE + SECOND, 10 * MINUTE), 100_000);
    assert!((1199..=1202).contains(&after), "120 in each of ten minutes: {after}");
}

#[test]
fn reads_writes_and_sql_share_the_120() {
    let limiter = Limiter::new(Quotas::default());
    let caller = user(1, None, "192.0.2.1");
    let tries = [Action::ApiRead, Action::ApiWrite, Action::Sql, Action::Report];
    let passed = (0..400).filter(|n| is_allowed(&limiter.check(tries[n % 4], &caller, MINUTE))).count();
    assert_eq!(passed, 30);
}

#[test]
fn no_window_of_any_length_gets_more_than_its_quota() {
    let rng = SeededRng::new(7);
    for _ in 0..200 {
        let quota = quota(1 + rng.below(500) as u32, 1 + rng.below(600), 1 + rng.below(50) as u32);
        let (mut empty_at, mut now, mut passed) = (0, 1, Vec::new());
        for _ in 0..400 {
            now += rng.below(quota.refill().as_nanos() as u64 / u64::from(quota.burst()) * 2 + 1);
            if let Ok(charged) = quota.charge(empty_at, now) {
                empty_at = charged.empty_at_ns;
                passed.push(now);
            }
        }
        for (i, from) in passed.iter().enumerate() {
            let (n, span) = (passed.len() - i, passed.last().unwrap() - from);
            assert!(n as u64 <= quota.at_most(Duration::from_nanos(span)), "{n} in {span} ns of {quota:?}");
        }
    }
}

#[test]
fn who_waits_as_long_as_the_header_says_is_let_in() {
    let limiter = Limiter::new(Quotas::default());
    for (number, action) in Action::ALL.into_iter().enumerate() {
        let caller = user(number as u8, Some(number as u8), &format!("198.51.{number}.7"));
        let mut now = MINUTE;
        for _ in 0..3_000 {
            if let Verdict::Limited(limited) = limiter.check(action, &caller, now) {
                let headers = Verdict::Limited(limited).headers();
                let wait = headers.iter().find(|(name, _)| *name == "retry-after").unwrap().1.parse::<u64>().unwrap();
                assert!(wait >= 1, "{action:?}");
                assert!(!is_allowed(&limiter.check(
                    action,
                    &caller,
                    now + limited.retry_after().unwrap().as_nanos() as u64 - 1
                )));
                now += wait * SECOND;
                assert!(is_allowed(&limiter.check(action, &caller, now)), "{action:?} after {wait} s");
            }
        }
        assert!(now > MINUTE, "{action:?} was never limited");
    }
}

#[test]
fn the_headers_of_an_answer_name_quota_rest_and_reset() {
    let limiter = Limiter::new(Quotas::default());
    let headers = limiter.check(Action::ApiRead, &user(1, None, "192.0.2.1"), MINUTE).headers();
    let expected = [
        ("ratelimit-limit", "120"),
        ("ratelimit-remaining", "29"),
        ("ratelimit-reset", "1"),
        ("ratelimit-policy", "120;w=60;burst=30"),
    ];
    assert_eq!(headers, expected.map(|(name, value)| (name, value.to_owned())));
}

#[test]
fn the_strictest_key_counts_and_a_refusal_charges_nothing() {
    let rows = Row { user: Some(quota(60, 60, 60)), device: Some(quota(60, 60, 3)), ..Row::default() };
    let limiter = Limiter::new(Quotas::default().with(Action::TickBatch, rows));
    let one = user(1, Some(1), "192.0.2.1");
    assert_eq!(passed(&limiter, Action::TickBatch, &one, (MINUTE, 1000), 500), 3, "the device's");
    // The same user elsewhere: 3 of 60 are gone, not 500.
    let other = user(1, None, "192.0.2.1");
    assert_eq!(passed(&limiter, Action::TickBatch, &other, (MINUTE + 1000, 1000), 500), 57);
}

#[test]
fn an_ipv6_network_is_one_caller_and_its_neighbourhood_one_more() {
    let limiter = Limiter::new(Quotas::default());
    let login = |address: String| is_allowed(&limiter.check(Action::Login, &stranger(&address), MINUTE));
    assert_eq!((0..100).filter(|n| login(format!("2001:db8:1:1::{n:x}"))).count(), 10, "of one /64");
    assert_eq!((0..100).filter(|n| login(format!("2001:db8:2:{n:x}::1"))).count(), 30, "of one /48");
    assert_eq!((0..200).filter(|n| login(format!("203.0.113.{n}"))).count(), 30, "of one /24");
    assert_eq!((0..20).filter(|_| login("::ffff:198.51.100.9".into())).count(), 10);
    assert!(!login("198.51.100.9".into()), "the same address in IPv6's clothes");
}

#[test]
fn a_caller_without_a_key_that_counts_is_refused() {
    let limiter = Limiter::new(Quotas::default().with(Action::Webhook, Row::default()));
    let nobody = Caller { known: None, address: None };
    for (action, caller) in
        [(Action::Login, nobody), (Action::SignalSend, stranger("192.0.2.1")), (Action::Webhook, stranger("192.0.2.1"))]
    {
        assert_eq!(limiter.check(action, &caller, MINUTE), Verdict::Limited(Limited::Uncounted { action }));
    }
    assert_eq!(limiter.keys(), 0);
}

#[test]
fn t25_a_flood_of_addresses_fills_three_quarters_and_recognised_callers_go_on() {
    let limiter = Limiter::with_room(Quotas::default(), 400);
    let address = |n: u32| IpAddr::from(n.wrapping_mul(0x0001_0000).wrapping_add(0x0101_0101).to_be_bytes());
    let mut crowded = 0;
    for n in 0..10_000 {
        let caller = Caller { known: None, address: Some(address(n)) };
        match limiter.check(Action::Login, &caller, MINUTE) {
            Verdict::Limited(Limited::Crowded { retry_after, .. }) => {
                crowded += 1;
                assert!(retry_after > Duration::ZERO && retry_after <= Duration::from_secs(60));
            }
            Verdict::Allowed { .. } => {}
            other => panic!("{other:?}"),
        }
        assert!(limiter.keys() <= 300, "{} keys", limiter.keys());
    }
    assert_eq!(crowded, 10_000 - 150, "two keys each");
    // Those who are known still come in, until the rest is full; then nobody is let in uncounted.
    let known =
        (0..200).filter(|n| is_allowed(&limiter.check(Action::ApiRead, &user(*n, None, "192.0.2.1"), MINUTE))).count();
    assert_eq!(known, 99);
    assert_eq!(limiter.keys(), 400);
    // Later all have recovered and everybody is welcome again.
    assert!(is_allowed(&limiter.check(Action::Login, &stranger("192.0.2.77"), 10 * MINUTE)));
}

#[test]
fn debts_are_never_forgotten_under_pressure() {
    let limiter = Limiter::with_room(Quotas::default(), 64);
    let guesser = stranger("192.0.2.1");
    assert_eq!(passed(&limiter, Action::Login, &guesser, (MINUTE, 1000), 100), 10);
    for n in 0..5_000_u32 {
        let caller = Caller { known: None, address: Some(IpAddr::from(n.wrapping_mul(65_537).to_be_bytes())) };
        is_allowed(&limiter.check(Action::Login, &caller, MINUTE + 2000));
    }
    assert!(!is_allowed(&limiter.check(Action::Login, &guesser, MINUTE + 3000)));
}

#[test]
fn an_idle_table_shrinks() {
    let limiter = Limiter::new(Quotas::default());
    for n in 0..1_000_u32 {
        let caller = Caller { known: None, address: Some(IpAddr::from((n << 12).to_be_bytes())) };
        assert!(is_allowed(&limiter.check(Action::Webhook, &caller, MINUTE)));
    }
    assert_eq!(limiter.keys(), 2_000);
    for n in 0..600 {
        assert!(is_allowed(&limiter.check(Action::ApiRead, &user(1, None, "192.0.2.1"), 10 * MINUTE + n * SECOND)));
    }
    assert!(limiter.keys() <= 2, "{}", limiter.keys());
}

#[test]
fn quotas_of_nothing_or_of_everything_are_refused() {
    for (count, seconds, burst) in
        [(0, 60, 1), (1, 0, 1), (1, 60, 0), (1_000_001, 60, 1), (1, 60, 1_000_001), (1, 86_401, 1)]
    {
        assert_eq!(
            Quota::new(count, Duration::from_secs(seconds), burst),
            Err(QuotaInvalid),
            "{count} {seconds} {burst}"
        );
    }
}

/// The address that counts, given the peer and what it forwards. 10.0.0.0/8 and 2001:db8:ff::/48 are ours.
fn check_caller(peer: &str, forwarded: &[&str], expected: &str) {
    let ours = ["10.0.0.0/8", "2001:db8:ff::/48"].map(|range| range.parse().unwrap());
    let proxies = Proxies::only(ours.to_vec()).unwrap();
    let found = proxies.caller(ip(peer), forwarded.iter().map(|value| value.as_bytes()));
    assert_eq!(found, ip(expected), "{peer} {forwarded:?}");
    if forwarded.len() == 1 {
        let name = ip(peer);
        assert_eq!(
            Proxies::none().caller(name, [forwarded[0].as_bytes()]),
            name.to_canonical(),
            "nobody is believed by default"
        );
    }
}

#[test]
fn t25_forwarded_addresses_count_only_behind_our_proxies() {
    let long = format!("1.1.1.1, {}", "x".repeat(5_000));
    let hops = format!("1.1.1.1{}", ", 10.0.0.9".repeat(40));
    for (peer, forwarded, expected) in [
        // From a stranger the header is worth nothing.
        ("203.0.113.5", &["1.1.1.1"][..], "203.0.113.5"),
        ("203.0.113.5", &["10.0.0.1"], "203.0.113.5"),
        ("10.0.0.1", &[], "10.0.0.1"),
        ("10.0.0.1", &["203.0.113.5"], "203.0.113.5"),
        // What the caller sent itself stands to the left.
        ("10.0.0.1", &["1.1.1.1, 203.0.113.5"], "203.0.113.5"),
        ("10.0.0.1", &["127.0.0.1, 10.0.0.2, 203.0.113.5"], "203.0.113.5"),
        ("10.0.0.1", &["1.1.1.1", "203.0.113.5"], "203.0.113.5"),
        // Two of ours, one behind the other.
        ("10.0.0.1", &["1.1.1.1, 203.0.113.5, 10.0.0.2"], "203.0.113.5"),
        ("2001:db8:ff::1", &["203.0.113.5,10.0.0.2"], "203.0.113.5"),
        ("::ffff:10.0.0.1", &["203.0.113.5"], "203.0.113.5"),
        // A caller within our own network, all the way.
        ("10.0.0.1", &["10.9.9.9, 10.0.0.2"], "10.9.9.9"),
        // Ports and brackets, as proxies write them.
        ("10.0.0.1", &["203.0.113.5:4711"], "203.0.113.5"),
        ("10.0.0.1", &["[2001:db8::7]:443"], "2001:db8::7"),
        ("10.0.0.1", &["[2001:db8::7]"], "2001:db8::7"),
        ("10.0.0.1", &["::ffff:203.0.113.5"], "203.0.113.5"),
        // What is no address ends the walk at the hop that wrote it.
        ("10.0.0.1", &["203.0.113.5, unknown"], "10.0.0.1"),
        ("10.0.0.1", &["203.0.113.5,"], "10.0.0.1"),
        ("10.0.0.1", &[""], "10.0.0.1"),
        ("10.0.0.1", &["203.0.113.5", ""], "10.0.0.1"),
        ("10.0.0.1", &["1.1.1.1, _hidden, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", &["203.0.113.5; 1.1.1.1"], "10.0.0.1"),
        ("10.0.0.1", &["203.0.113.256"], "10.0.0.1"),
        ("10.0.0.1", &["0xcb007105"], "10.0.0.1"),
        ("10.0.0.1", &["3405803781"], "10.0.0.1"),
        ("10.0.0.1", &["203.0.113.5\0"], "10.0.0.1"),
        ("10.0.0.1", &["localhost"], "10.0.0.1"),
        ("10.0.0.1", &["fe80::1%eth0"], "10.0.0.1"),
        ("10.0.0.1", &[&long], "10.0.0.1"),
        ("10.0.0.1", &[&hops], "10.0.0.9"),
    ] {
        check_caller(peer, forwarded, expected);
    }
}

#[test]
fn no_header_makes_the_walk_panic_or_end_left_of_a_stranger() {
    let rng = SeededRng::new(3);
    let pieces = [
        "1.1.1.1",
        "10.0.0.2",
        ",",
        " ",
        "[",
        "]",
        ":",
        "::1",
        "unknown",
        "\u{e9}",
        "\0",
        "2001:db8:ff::2",
        "203.0.113.5",
    ];
    let proxies = Proxies::only(vec!["10.0.0.0/8".parse().unwrap()]).unwrap();
    for _ in 0..20_000 {
        let header: String = (0..rng.below(12)).map(|_| pieces[rng.below(13) as usize]).collect();
        let header = format!("{header}, 198.51.100.1");
        assert_eq!(proxies.caller(ip("10.0.0.1"), [header.as_bytes()]), ip("198.51.100.1"), "{header}");
    }
}

#[test]
fn lists_of_proxies_that_mean_everybody_are_refused() {
    for all in ["0.0.0.0/0", "::/0"] {
        assert_eq!(Proxies::only(vec![all.parse().unwrap()]), Err(ProxiesInvalid::Everybody));
    }
    assert_eq!(Proxies::only(vec!["10.0.0.1".parse().unwrap(); PROXIES_MAX + 1]), Err(ProxiesInvalid::TooMany));
    for text in
        ["10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/-1", "", "/8", "::1/64", "::/129", "a/8"]
    {
        assert_eq!(text.parse::<Prefix>(), Err(PrefixInvalid), "{text}");
    }
    for text in ["10.0.0.0/8", "203.0.113.7/32", "2001:db8::/32", "::1/128", "0.0.0.0/0"] {
        assert_eq!(text.parse::<Prefix>().unwrap().to_string(), text);
    }
}

#[test]
fn the_specification_has_the_default_quotas() {
    let quotas = Quotas::default();
    let cell = |quota: Option<Quota>| {
        quota.map_or("-".into(), |q| {
            assert_eq!(Quota::new(q.count(), q.period(), q.burst()), Ok(q), "the defaults are quotas too");
            let unit = if q.period() == Duration::from_secs(60) { "min" } else { "h" };
            format!("{}/{unit}, {}", q.count(), q.burst())
        })
    };
    for action in Action::ALL {
        let row = quotas.of(action);
        let [user, device, address, network] = [row.user, row.device, row.address, row.network].map(cell);
        let also = action.counted_as().map_or("-".into(), |also| format!("`{}`", also.name()));
        let line = format!("| `{}` | {also} | {user} | {device} | {address} | {network} |", action.name());
        assert!(SPEC.contains(&line), "docs/specs/limits.md has to have\n{line}");
    }
}

#[test]
fn codes_are_unique_and_a_full_table_is_no_secret() {
    let all = [
        Limited::Quota { action: Action::Login, quota: quota(1, 60, 1), retry_after: Duration::ZERO },
        Limited::Crowded { action: Action::Login, retry_after: Duration::ZERO },
        Limited::Uncounted { action: Action::Login },
    ];
    let codes: BTreeSet<_> = all.iter().map(|limited| limited.dna().code).collect();
    assert_eq!(codes.len(), all.len());
    for limited in all {
        assert!(SPEC.contains(&format!("`{}`", limited.dna().code)), "{limited:?}");
    }
}
