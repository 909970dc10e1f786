//! What is left of a request's body when it is answered. Where a client has not sent all of it yet, an answer can get lost:
//! with HTTP/1.1 the connection is reset, and of HTTP/2 some clients (curl 7.88) take the end of the stream for an error. So
//! what comes soon is read and thrown away first.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::EXPECT;
use hyper::{Request, StatusCode};
use tokio::sync::oneshot;

/// Bytes that are read at most (also of bodies that are refused for their size), and how long they are waited for.
const MOST: usize = 64 << 20;
const TIME: Duration = Duration::from_secs(1);

/// A body that is handed back where it was not read to its end.
pub(super) struct Lent {
    body: Option<Incoming>,
    back: Option<oneshot::Sender<Incoming>>,
}

/// What comes back of a body.
pub(super) struct Left(Option<oneshot::Receiver<Incoming>>);

/// Lends a request's body to whoever answers it.
pub(super) fn lend(request: Request<Incoming>) -> (Request<Lent>, Left) {
    let (parts, body) = request.into_parts();
    // Nothing was sent yet, and nothing will be, unless it is asked for.
    let waits = parts.headers.contains_key(EXPECT);
    let (back, left) = match body.is_end_stream() || waits {
        true => (None, None),
        false => {
            let (back, left) = oneshot::channel();
            (Some(back), Some(left))
        }
    };
    let body = Lent {
        body: Some(body),
        back,
    };
    (Request::from_parts(parts, body), Left(left))
}

impl Left {
    /// Throws away what is left, unless that is what took too long.
    pub(super) async fn discard(self, status: StatusCode) {
        let slow = matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT
        );
        let Some(body) = self.0.and_then(|mut left| left.try_recv().ok()) else {
            return;
        };
        if slow || body.size_hint().lower() > MOST as u64 {
            return;
        }
        let mut body = Limited::new(body, MOST);
        let all = async { while let Some(Ok(_)) = body.frame().await {} };
        let _ = tokio::time::timeout(TIME, all).await;
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(body), Some(back)) = (self.body.take(), self.back.take())
            && !body.is_end_stream()
        {
            let _ = back.send(body);
        }
    }
}

impl Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(SizeHint::default, Incoming::size_hint)
    }
}
