//! Bodies that are read on for a moment after whoever read them has lost interest: a client that is still sending when it is refused
//! would otherwise see its connection reset in place of the answer.
//! It keeps nothing of what it reads.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use futures_util::{Stream, StreamExt};

/// How long, and how many bytes at most.
const TIME: Duration = Duration::from_secs(2);
const BYTES: usize = 64 * 1024 * 1024;

/// The body, read on when it is dropped before its end.
pub fn lingering(body: Body) -> Body {
    if body.is_end_stream() { body } else { Body::from_stream(Lingering(Some(body.into_data_stream()))) }
}

/// `None` once the body has ended.
struct Lingering(Option<BodyDataStream>);

impl Stream for Lingering {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(stream) = &mut self.0 else { return Poll::Ready(None) };
        let polled = stream.poll_next_unpin(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.0 = None;
        }
        polled
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some(mut stream) = self.0.take() else { return };
        // Outside the runtime nobody would read on.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(tokio::time::timeout(TIME, async move {
            let mut left = BYTES;
            while let Some(Ok(part)) = stream.next().await {
                left = left.saturating_sub(part.len());
                if left == 0 {
                    return;
                }
            }
        }));
    }
}
