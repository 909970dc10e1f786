//! Who may ask for what: each group of routes has a scope, each caller the scopes of its token, its certificate, or of where
//! it calls from.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::Refused;
use crate::config::{Access, Scope};
use crate::server::Caller;
use crate::service::Service;

/// Routes that only callers with a scope reach.
pub(super) fn scoped(
    service: &Arc<Service>,
    scope: Scope,
    routes: Router<Arc<Service>>,
) -> Router<Arc<Service>> {
    let state = (Arc::clone(service), scope);
    routes.route_layer(middleware::from_fn_with_state(state, check))
}

async fn check(
    State((service, scope)): State<(Arc<Service>, Scope)>,
    request: Request,
    next: Next,
) -> Response {
    match permits(&service.config().access, scope, &request) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

/// A token that is shown has to be one, even where none is needed.
fn permits(access: &Access, scope: Scope, request: &Request) -> Result<(), Refused> {
    let shown = token(request)?;
    let found = shown.map(|token| access.token(&Sha256::digest(token)));
    if let Some(None) = found {
        return Err(Refused::Unauthorized("there is no such token"));
    }
    if found
        .flatten()
        .is_some_and(|token| token.scopes.contains(&scope))
    {
        return Ok(());
    }
    let by_place = match request.extensions().get::<Caller>() {
        Some(caller) if caller.is_loopback => &access.loopback,
        Some(caller) if caller.has_certificate => &access.certificates,
        _ => &access.anonymous,
    };
    match (by_place.contains(&scope), shown) {
        (true, _) => Ok(()),
        (false, None) => Err(Refused::Unauthorized(
            "this needs a token: Authorization: Bearer …",
        )),
        (false, Some(_)) => Err(Refused::OutOfScope(scope)),
    }
}

/// What stands behind `Bearer`.
fn token(request: &Request) -> Result<Option<&[u8]>, Refused> {
    let mut shown = request.headers().get_all(AUTHORIZATION).iter();
    let Some(value) = shown.next() else {
        return Ok(None);
    };
    if shown.next().is_some() {
        return Err(Refused::Unauthorized("Authorization stands twice"));
    }
    let value = value.as_bytes();
    match value.split_at_checked("Bearer ".len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => {
            Ok(Some(token.trim_ascii()))
        }
        _ => Err(Refused::Unauthorized(
            "Authorization is not Bearer and a token",
        )),
    }
}
