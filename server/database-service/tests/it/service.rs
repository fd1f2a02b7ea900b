//! The service as a component behind its door.

use crate::world::{World, block_on, everything, feed, small};
use aitrading_database_service::{NAME, Servers, Settings, component};
use aitrading_http::{DoorConfig, Metrics, Observability, Probe};
use aitrading_hub::{Hub, HubConfig};
use aitrading_store::conformance::sample;

#[test]
fn the_component_serves_and_puts_everything_into_files_at_its_end() {
    let world = World::new();
    block_on(async {
        let (a, ticks) = (sample::source(1, "GBPJPY"), sample::ticks(0, 5));
        let databases = world.open_all(Settings::default(), &Servers::default()).await.unwrap();
        let probe = Probe::new(|_| Some((true, "unused here")));
        let observability = Observability::new(probe, Metrics::install().unwrap());
        let door = DoorConfig::plain(NAME, "127.0.0.1:0".parse().unwrap());
        let sql = databases.embedded().sql(None);
        let service = component(world.env.clone(), databases.clone(), sql, door, &observability);
        let running = Hub::start(&world.env, HubConfig::default(), vec![service]).unwrap();
        running.ready().await.unwrap();
        let (ready, snapshot) = running.health().report(Some(NAME)).unwrap();
        let parts: Vec<_> = snapshot.components[0].parts.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(
            (ready, parts),
            (
                true,
                vec![
                    "database.relational",
                    "database.ticks",
                    "database.cache",
                    "database.patterns",
                    "database.graph",
                    "database.events"
                ]
            )
        );
        feed(databases.embedded(), a, &ticks, 5).await.unwrap();
        assert_eq!(world.tick_files().len(), 0, "five ticks are no file yet");
        running.control().stop("test");
        running.wait().await.unwrap();
        assert_eq!(world.tick_files().len(), 1);
        drop(databases);

        let database = world.open(small()).await.unwrap();
        assert_eq!(everything(&database, a).await.unwrap(), ticks);
    });
}

#[test]
fn a_taken_port_is_a_clear_error_and_closes_nothing_half() {
    let world = World::new();
    block_on(async {
        let taken = world.env.net.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let databases = world.open_all(Settings::default(), &Servers::default()).await.unwrap();
        let probe = Probe::new(|_| Some((true, "unused here")));
        let observability = Observability::new(probe, Metrics::install().unwrap());
        let door = DoorConfig::plain(NAME, taken.local_addr().unwrap());
        let sql = databases.embedded().sql(None);
        let service = component(world.env.clone(), databases, sql, door, &observability);
        let running = Hub::start(&world.env, HubConfig::default(), vec![service]).unwrap();
        let error = running.ready().await.unwrap_err();
        assert!(format!("{error:?}").contains("PORT_IN_USE"), "{error:?}");
    });
}
