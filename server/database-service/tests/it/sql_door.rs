//! `POST /v1/sql` over mutual TLS: who may ask, what is refused, where each limit is met.

use crate::world::{World, block_on, feed};
use aitrading_channel::tls;
use aitrading_database_service::{Databases, ERROR_CODE, ERROR_DETAIL, NAME, SQL_PATH, Servers, Settings, component};
use aitrading_env::Env;
use aitrading_error::Coded;
use aitrading_http::{
    Call, ClientTls, DoorConfig, HeaderName, HeaderValue, HttpError, Limits, Metrics, Observability, Probe, Reply,
    call, header,
};
use aitrading_hub::{Hub, HubConfig, Running};
use aitrading_model::{AccountId, DeviceId, TenantId};
use aitrading_security::pki::{Authority, Issued, spki_pin};
use aitrading_store::conformance::sample;
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Duration};

const LIFE: Duration = Duration::from_hours(1);
pub(crate) const TICKS: i64 = 20_000;
const SILENCE: Duration = Duration::from_secs(40);

/// A running service over a filled database, and the authority of its certificates.
pub(crate) struct Door {
    pub(crate) world: World,
    running: Running,
    authority: Authority,
    server: Issued,
    pub(crate) addr: SocketAddr,
    pub(crate) databases: Databases,
}

fn env() -> Env {
    Env::real()
}

impl Door {
    pub(crate) async fn open(settings: Settings) -> Self {
        let door = Self::empty(settings).await;
        let source = sample::source(1, "GBPJPY");
        feed(door.databases.embedded(), source, &sample::ticks(0, TICKS), 1_000).await.unwrap();
        door
    }

    pub(crate) async fn empty(settings: Settings) -> Self {
        tls::install_provider();
        let world = World::new();
        let databases = world.open_all(settings, &Servers::default()).await.unwrap();
        let authority = Authority::generate(&env(), LIFE).unwrap();
        let server = authority.issue_server(&env(), &[], LIFE).unwrap();
        let ca = authority.certificate().unwrap();
        let config = tls::server_config(&env(), server.chain(), server.key(), &ca, true).unwrap();
        // Free now, and taken again at once.
        let addr = world.env.net.listen("127.0.0.1:0".parse().unwrap()).await.unwrap().local_addr().unwrap();
        let door = DoorConfig { name: NAME, addr, tls: Some(config), limits: Limits::default() };
        let observability = Observability::new(Probe::new(|_| Some((true, "unused"))), Metrics::install().unwrap());
        let sql = databases.embedded().sql(None);
        let service = component(world.env.clone(), databases.clone(), sql, door, &observability);
        let running = Hub::start(&world.env, HubConfig::default(), vec![service]).unwrap();
        running.ready().await.unwrap();
        Self { world, running, authority, server, addr, databases }
    }

    pub(crate) fn service(&self, tenant: u64, name: &str) -> Issued {
        self.authority.issue_service(&env(), TenantId(tenant), name, LIFE).unwrap()
    }

    pub(crate) fn device(&self) -> Issued {
        let (tenant, device, account) = (TenantId(1), DeviceId([7; 16]), AccountId(7));
        self.authority.issue_device(&env(), tenant, device, account, LIFE).unwrap()
    }

    pub(crate) fn tls(&self, who: &Issued) -> ClientTls {
        let ca = self.authority.certificate().unwrap();
        let pin = spki_pin(&self.server.chain()[0]).unwrap();
        tls::client_config(&env(), &ca, who.chain(), who.key(), &[pin]).unwrap()
    }

    async fn send(
        &self,
        who: &Issued,
        body: String,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Reply, HttpError> {
        let tls = self.tls(who);
        let asked = Call { addr: self.addr, tls, path: SQL_PATH, headers, body: body.into(), silence: SILENCE };
        call(&self.world.env, asked).await
    }

    pub(crate) async fn ask(&self, who: &Issued, question: Value) -> Reply {
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let trailers = (header::TE, HeaderValue::from_static("trailers"));
        self.send(who, question.to_string(), &[kind, trailers]).await.unwrap()
    }

    /// The status and code of a refusal.
    async fn refused(&self, who: &Issued, question: Value) -> (u16, String) {
        refusal(self.ask(who, question).await).await
    }

    pub(crate) async fn close(self) {
        self.running.control().stop("test");
        self.running.wait().await.unwrap();
    }
}

pub(crate) async fn text(mut reply: Reply) -> String {
    String::from_utf8(reply.read(16 << 20).await.unwrap()).unwrap()
}

async fn refusal(reply: Reply) -> (u16, String) {
    let status = reply.status.as_u16();
    assert_eq!(reply.headers[header::CONTENT_TYPE], "application/problem+json");
    let problem: Value = serde_json::from_str(&text(reply).await).unwrap();
    assert!(!problem["detail"].as_str().unwrap().is_empty());
    (status, problem["code"].as_str().unwrap().to_owned())
}

#[test]
fn the_operator_and_the_auditor_may_ask_and_nobody_else() {
    block_on(async {
        let door = Door::open(Settings::default()).await;
        let count = json!({"sql": "SELECT count(*) AS n FROM ticks"});
        for role in ["operator", "auditor"] {
            let reply = door.ask(&door.service(1, role), count.clone()).await;
            assert_eq!(reply.status, 200, "{role}");
            assert_eq!(reply.headers[header::CONTENT_TYPE], "application/json");
            assert_eq!(text(reply).await, format!("[{{\"n\":{TICKS}}}]\n"), "{role}");
        }
        let stranger = door.ask(&door.service(2, "operator"), count.clone()).await;
        assert_eq!(text(stranger).await, "[{\"n\":0}]\n", "the tenant is the certificate's");
        let role = (403, "SQL_ROLE_REFUSED".to_owned());
        assert_eq!(door.refused(&door.device(), count.clone()).await, role, "a subscriber's device");
        assert_eq!(door.refused(&door.service(1, "data-bridge"), count.clone()).await, role, "another service");
        let foreign = Authority::generate(&env(), LIFE).unwrap();
        let foreign = foreign.issue_service(&env(), TenantId(1), "operator", LIFE).unwrap();
        let refused = door.send(&foreign, count.to_string(), &[]).await.unwrap_err();
        assert_eq!(refused.dna().code, "UNREACHABLE", "a foreign certificate gets no connection");
        door.close().await;
    });
}

#[test]
fn what_does_more_than_read_is_refused() {
    block_on(async {
        let door = Door::open(Settings::default()).await;
        let operator = door.service(1, "operator");
        let statements = [
            "INSERT INTO ticks SELECT * FROM ticks",
            "DELETE FROM ticks",
            "UPDATE ticks SET bid = 0",
            "CREATE TABLE t AS SELECT 1",
            "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
            "DROP TABLE ticks",
            "COPY ticks TO '/tmp/ticks.csv'",
            "SET datafusion.execution.batch_size = 1",
            "SELECT 1; SELECT 2",
            "SELECT * FROM read_csv('/etc/passwd')",
            "SELECT * FROM information_schema.df_settings",
            "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r",
        ];
        for sql in statements {
            let refused = door.refused(&operator, json!({"sql": sql})).await;
            assert_eq!(refused, (403, "SQL_NOT_ALLOWED".to_owned()), "{sql}");
        }
        for sql in
            ["SELEC 1", "SELECT * FROM '/etc/passwd'", "SELECT * FROM nothing", "SELECT read_text('/etc/passwd')"]
        {
            assert_eq!(door.refused(&operator, json!({"sql": sql})).await, (400, "SQL_INVALID".to_owned()), "{sql}");
        }
        door.close().await;
    });
}

#[test]
fn each_limit_is_met_with_its_own_code() {
    block_on(async {
        let door = Door::open(Settings { sql_memory_mib: 1, sql_rows: 4_000, ..Settings::default() }).await;
        let operator = door.service(1, "operator");
        let check = async |question: Value, code: &str| {
            let refused = door.refused(&operator, question.clone()).await;
            assert_eq!(refused, (429, code.to_owned()), "{question}");
        };
        check(json!({"sql": "SELECT seq FROM ticks", "max_rows": 10}), "SQL_TOO_MANY_ROWS").await;
        check(json!({"sql": "SELECT seq, bid, count(*), sum(ask) FROM ticks GROUP BY seq, bid"}), "SQL_OUT_OF_MEMORY")
            .await;
        let pairs = "SELECT count(*) FROM ticks a JOIN ticks b ON a.bid + b.bid < 0 JOIN ticks c ON a.bid + c.bid < 0";
        let slow = json!({"sql": pairs, "timeout_ms": 1});
        check(slow, "SQL_TIMED_OUT").await;
        // The configured number of rows, in an answer that has begun by then: told behind it.
        let all = json!({"sql": "SELECT * FROM ticks", "format": "csv"});
        let mut reply = door.ask(&operator, all.clone()).await;
        assert_eq!(reply.status, 200);
        let delivered = String::from_utf8(reply.read(16 << 20).await.unwrap()).unwrap();
        assert_eq!(delivered.lines().count(), 4_001, "a header and the rows up to the limit");
        assert_eq!(reply.trailer(ERROR_CODE).as_deref(), Some("SQL_TOO_MANY_ROWS"));
        assert!(reply.trailer(ERROR_DETAIL).unwrap().contains("4000 rows"));
        // Who does not look behind it finds the connection cut.
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut reply = door.send(&operator, all.to_string(), &[kind]).await.unwrap();
        assert_eq!(reply.read(16 << 20).await.unwrap_err().dna().code, "ANSWER_BROKEN");
        let long = format!("SELECT '{}'", "x".repeat(70_000));
        assert_eq!(door.refused(&operator, json!({"sql": long})).await.1, "SQL_TOO_LONG");
        // The announced length is too much: the door may close before all of it is written.
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match door.send(&operator, json!({"sql": "x".repeat(600_000)}).to_string(), &[kind]).await {
            Ok(reply) => assert_eq!(refusal(reply).await, (413, "BODY_TOO_LARGE".to_owned())),
            Err(cut) => assert_eq!(cut.dna().code, "UNREACHABLE"),
        }
        door.close().await;
    });
}

#[test]
fn the_format_is_asked_for_in_the_question_or_by_accept() {
    block_on(async {
        let door = Door::open(Settings::default()).await;
        let auditor = door.service(1, "auditor");
        let sql = "SELECT 1 AS one";
        let formats = [
            ("table", "text/plain; charset=utf-8", " one\n-----\n   1\n"),
            ("csv", "text/csv; charset=utf-8", "one\r\n1\r\n"),
            ("json", "application/json", "[{\"one\":1}]\n"),
            ("jsonl", "application/x-ndjson", "{\"one\":1}\n"),
        ];
        for (name, media, expected) in formats {
            let asked = door.ask(&auditor, json!({"sql": sql, "format": name})).await;
            assert_eq!(asked.headers[header::CONTENT_TYPE], media);
            assert_eq!(text(asked).await, expected, "{name}");
            let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            let accept = (header::ACCEPT, HeaderValue::from_static(media));
            let accepted = door.send(&auditor, json!({"sql": sql}).to_string(), &[kind, accept]).await.unwrap();
            assert_eq!(text(accepted).await, expected, "{media}");
        }
        let mut arrow = door.ask(&auditor, json!({"sql": sql, "format": "arrow"})).await;
        assert_eq!(arrow.headers[header::CONTENT_TYPE], "application/vnd.apache.arrow.stream");
        assert!(arrow.read(1 << 20).await.unwrap().starts_with(&[0xff; 4]));
        let bad = [
            (json!({"sql": sql, "format": "xml"}), "SQL_FORMAT_UNKNOWN"),
            (json!({"sql": sql, "rows": 1}), "SQL_QUESTION_MALFORMED"),
            (json!({"format": "csv"}), "SQL_QUESTION_MALFORMED"),
            (json!([1]), "SQL_QUESTION_MALFORMED"),
        ];
        for (question, code) in bad {
            assert_eq!(door.refused(&auditor, question.clone()).await, (400, code.to_owned()), "{question}");
        }
        let form = door.send(&auditor, "sql=SELECT 1".to_owned(), &[]).await.unwrap();
        assert_eq!(refusal(form).await, (400, "SQL_NOT_JSON".to_owned()));
        door.close().await;
    });
}
