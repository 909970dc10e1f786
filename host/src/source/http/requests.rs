//! What holds for every request: it has a name, no page of another origin makes it, it gives back what it held, and one that
//! makes us panic harms no other.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use hyper::body::{Body as _, Frame, SizeHint};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument;
use uuid::Uuid;

use super::{Refused, is_address};
use crate::service::Bodies;

const ID: HeaderName = HeaderName::from_static("x-request-id");
/// Bytes that one permit of [`Bodies`] stands for.
const UNIT: usize = 1024;
/// Bytes from which on a body is large.
const LARGE: usize = 64 << 10;
/// Bytes of a caller's own name for a request at most.
const MAX_ID: usize = 128;

/// The caller's `x-request-id`, or a new one, stands in the answer and in what is logged meanwhile. A panic is our mistake:
/// it is logged, and the request is answered with 500.
///
/// One layer for all, since each costs a few allocations.
pub(super) async fn around(State(bodies): State<Bodies>, request: Request, next: Next) -> Response {
    let version = request.version();
    let own = request.headers().get(ID).filter(|id| is_name(id)).cloned();
    let id = own.unwrap_or_else(|| {
        let id = Uuid::now_v7().to_string();
        HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("none"))
    });
    let shown = id.to_str().unwrap_or_default();
    let span = tracing::info_span!("request", id = shown);
    let answer = async {
        if is_foreign(&request) {
            return Refused::Forbidden.into_response();
        }
        let answer = HELD.scope(RefCell::default(), next.run(request));
        let answer = AssertUnwindSafe(answer).catch_unwind().await;
        answer.unwrap_or_else(|_| {
            tracing::error!("a request made the host panic: this is a bug of Touchstone");
            let error = json!({"error": "something went wrong here, and is logged"});
            (StatusCode::INTERNAL_SERVER_ERROR, axum::Json(error)).into_response()
        })
    };
    let response = answer.instrument(span).await;
    let mut response = counted(&bodies, version, response);
    response.headers_mut().insert(ID, id);
    response
}

/// Counts an answer among the bodies until it is sent. One client of HTTP/2 may ask for many and read none; of HTTP/1 it is
/// one at a time, which counts where it is large.
fn counted(bodies: &Bodies, version: Version, response: Response) -> Response {
    let size = response.body().size_hint().lower();
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if version < Version::HTTP_2 && size <= LARGE {
        return response;
    }
    match room(bodies, 0, size) {
        Some(room) => response.map(|body| Body::new(Counted { body, _room: room })),
        None => Refused::NoRoom.into_response(),
    }
}

/// An answer with the room that it takes.
struct Counted {
    body: Body,
    _room: Room,
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What may stand in logs as it is.
fn is_name(id: &HeaderValue) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte);
    !id.is_empty() && id.len() <= MAX_ID && id.as_bytes().iter().all(is_plain)
}

tokio::task_local! {
    /// What the request under way holds of [`Bodies`], until it is answered.
    static HELD: RefCell<Vec<OwnedSemaphorePermit>>;
}

/// What somebody holds of [`Bodies`]: of all room, and of that for large ones.
type Room = [Option<OwnedSemaphorePermit>; 2];

/// Takes room for the body of the request under way, which grows; nothing, when there is none.
pub(super) fn hold(bodies: &Bodies, before: usize, after: usize) -> Option<()> {
    let room = room(bodies, before, after)?;
    let keep = |held: &RefCell<Vec<_>>| held.borrow_mut().extend(room.into_iter().flatten());
    HELD.try_with(keep).ok()
}

fn room(bodies: &Bodies, before: usize, after: usize) -> Option<Room> {
    let all = grow(&bodies.all, before, after)?;
    let large = match (before > LARGE, after > LARGE) {
        (_, false) => None,
        (false, true) => grow(&bodies.large, 0, after)?,
        (true, true) => grow(&bodies.large, before, after)?,
    };
    Some([all, large])
}

/// Nothing, when there is no room; no permit, when none more is needed.
fn grow(
    room: &Arc<Semaphore>,
    before: usize,
    after: usize,
) -> Option<Option<OwnedSemaphorePermit>> {
    let units = after.div_ceil(UNIT) - before.div_ceil(UNIT);
    if units == 0 {
        return Some(None);
    }
    let units = u32::try_from(units).ok()?;
    Arc::clone(room)
        .try_acquire_many_owned(units)
        .ok()
        .map(Some)
}

/// A page that somebody has open in a browser must not cause or read decisions on a host that it happens to reach, be it
/// by a form or under a name of its own that leads here. Browsers tell of themselves in such requests; other clients do
/// not.
fn is_foreign(request: &Request) -> bool {
    let text = |name: &str| request.headers().get(name)?.to_str().ok();
    let (origin, site) = (request.headers().get("origin"), text("sec-fetch-site"));
    if origin.is_none() && site.is_none() {
        return false;
    }
    let authority = request
        .uri()
        .authority()
        .map(|authority| authority.as_str());
    let own = text("host").or(authority).unwrap_or_default();
    let asking = origin.and_then(|origin| origin.to_str().ok()?.split_once("://"));
    let other = origin.is_some() && asking.map(|(_, host)| host) != Some(own);
    other || site == Some("cross-site") || !is_address(own)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::middleware;
    use axum::routing::get;
    use http_body_util::BodyExt;
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;

    use super::*;

    async fn ask(path: &str, id: &str) -> (u16, String, String) {
        async fn broken() -> &'static str {
            panic!("on purpose")
        }
        let bodies = Bodies::new(bytesize::ByteSize::kib(256));
        let router: Router = Router::new()
            .route("/fine", get(|| async { "fine" }))
            .route("/broken", get(broken))
            .layer(middleware::from_fn_with_state(bodies, around));
        let request = Request::get(path)
            .header(ID, id)
            .body(Body::empty())
            .unwrap();
        let response = TowerToHyperService::new(router)
            .call(request)
            .await
            .unwrap();
        let (head, body) = response.into_parts();
        let id = head.headers[ID].to_str().unwrap().to_owned();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        (head.status.as_u16(), id, body)
    }

    #[tokio::test]
    async fn a_panic_is_500_and_the_next_request_is_answered() {
        let (status, id, body) = ask("/broken", "r-1").await;
        assert_eq!((status, id.as_str()), (500, "r-1"));
        assert!(
            body.contains("error") && !body.contains("on purpose"),
            "{body}"
        );
        assert_eq!(
            ask("/fine", "r-2").await,
            (200, "r-2".to_owned(), "fine".to_owned())
        );
    }

    #[test]
    fn large_bodies_leave_room_for_small_ones() {
        let bodies = Bodies::new(bytesize::ByteSize::kib(256));
        let held = |size: usize| {
            let request = RefCell::default();
            HELD.sync_scope(request, || {
                let all = hold(&bodies, 0, size / 2).and_then(|()| hold(&bodies, size / 2, size));
                all.map(|()| HELD.with(|held| std::mem::take(&mut *held.borrow_mut())))
            })
        };
        let first = held(170 << 10).unwrap();
        assert!(held(66 << 10).is_none());
        let second = held(60 << 10).unwrap();
        drop(first);
        assert!(held(196 << 10).is_some());
        drop(second);
        assert!(held(225 << 10).is_none());
        assert!(held(224 << 10).is_some());
        assert_eq!(bodies.all.available_permits(), 256);
        assert_eq!(bodies.large.available_permits(), 224);
    }

    #[test]
    fn an_answer_takes_room_until_it_is_read() {
        let bodies = Bodies::new(bytesize::ByteSize::kib(128));
        let answer = |version, size| {
            let response = Response::new(Body::from(vec![0; size]));
            counted(&bodies, version, response)
        };
        let first = answer(Version::HTTP_2, 100 << 10);
        assert_eq!(first.status(), 200);
        assert_eq!(first.body().size_hint().exact(), Some(100 << 10));
        assert_eq!(answer(Version::HTTP_2, 30 << 10).status(), 503);
        assert_eq!(answer(Version::HTTP_11, 65 << 10).status(), 503);
        assert_eq!(answer(Version::HTTP_11, 30 << 10).status(), 200);
        drop(first);
        assert_eq!(answer(Version::HTTP_2, 30 << 10).status(), 200);
    }

    #[tokio::test]
    async fn a_name_that_could_be_taken_for_something_else_is_replaced() {
        for id in ["", "a b", "a\"b", &"x".repeat(129)] {
            let (status, given, _) = ask("/fine", id).await;
            assert_eq!(status, 200);
            assert_eq!(given.len(), 36, "{id}: {given}");
        }
    }
}
