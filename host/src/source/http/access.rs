//! Who may ask for what: each group of routes has a scope, each caller the scopes of its token, its certificate, or of where
//! it calls from.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Extensions;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::{Refused, is_address};
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

/// Whether a caller may write what it has judged, too: an extension of every request that is let through.
#[derive(Clone, Copy)]
pub(super) struct MayWrite(pub(super) bool);

impl MayWrite {
    /// Nobody may who is not known to.
    pub(super) fn of(extensions: &Extensions) -> bool {
        extensions.get().is_some_and(|MayWrite(may)| *may)
    }
}

async fn check(
    State((service, scope)): State<(Arc<Service>, Scope)>,
    mut request: Request,
    next: Next,
) -> Response {
    let access = &service.config().access;
    if let Err(refused) = permits(access, scope, &request) {
        return refused.into_response();
    }
    let may_write = permits(access, Scope::Write, &request).is_ok();
    request.extensions_mut().insert(MayWrite(may_write));
    next.run(request).await
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
        // A page under a name that was made to lead here is not from this machine, whatever browser shows it.
        Some(caller) if caller.is_loopback && is_own(request) => &access.loopback,
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

/// Whether the request names this host by an address, or not at all.
fn is_own(request: &Request) -> bool {
    let named = request.headers().get(HOST).map(|host| host.to_str());
    let authority = request
        .uri()
        .authority()
        .map(|authority| Ok(authority.as_str()));
    let mut named = named.into_iter().chain(authority);
    named.all(|host| host.is_ok_and(is_address))
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
