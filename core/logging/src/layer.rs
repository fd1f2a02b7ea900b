//! The tracing layer: collects an event's facts and hands its line to a sink.

use crate::{
    Format,
    line::{Fields, Head, write},
};
use aitrading_env::Clock;
use std::{fmt, sync::Arc};
use tracing::{Event, Subscriber, span};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

/// Takes finished lines. Must not block and must not log.
pub(crate) trait Sink: Send + Sync {
    fn line(&self, line: String);
}

pub(crate) struct LineLayer<S> {
    format: Format,
    clock: Arc<dyn Clock>,
    sink: S,
}

impl<S: Sink> LineLayer<S> {
    pub(crate) fn new(format: Format, clock: Arc<dyn Clock>, sink: S) -> Self {
        Self { format, clock, sink }
    }
}

impl<S> fmt::Debug for LineLayer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineLayer").field("format", &self.format).finish_non_exhaustive()
    }
}

impl<T, S> Layer<T> for LineLayer<S>
where
    T: Subscriber + for<'a> LookupSpan<'a>,
    S: Sink + 'static,
{
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, T>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().replace(fields);
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, T>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, T>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let scope = context.event_scope(event).into_iter().flat_map(|scope| scope.from_root());
        let spans = scope.map(|span| (span.name(), span.extensions().get::<Fields>().cloned().unwrap_or_default()));
        let metadata = event.metadata();
        let (wall_ns, level, target) = (self.clock.wall_ns(), *metadata.level(), metadata.target());
        let head = Head { wall_ns, level, target, spans: spans.collect() };
        self.sink.line(write(self.format, &head, &fields));
    }
}
