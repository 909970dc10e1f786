//! Mail, by SMTP, through a server that touchstone.yaml names.

use std::collections::HashMap;

use lettre::address::AddressError;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::{Failure, Performers, line, request, staged};
use crate::config::{MailServer, MailTls, Targets};
use crate::data::hex;
use crate::grants::Resource;
use crate::guest::bindings::touchstone::policy::notify::{Host, Mail};
use crate::guest::bindings::touchstone::policy::types::{Error, Terms};
use crate::guest::{Ctx, Refusal, invalid};
use crate::model::Action;

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// The longest subject; longer ones are cut by most readers.
const MAX_SUBJECT: usize = 500;

/// A staged mail.
#[derive(Serialize, Deserialize)]
struct Letter {
    server: String,
    to: String,
    subject: String,
    text: String,
}

impl Host for Ctx {
    fn stage(&mut self, mail: Mail, terms: Terms) -> Result<(), Refusal> {
        self.allow("notify", Resource::Address(&mail.to))?;
        let Mail {
            server,
            to,
            subject,
            text,
        } = mail;
        line("the subject", &subject)?;
        if subject.len() > MAX_SUBJECT {
            return Err(invalid(format!(
                "the subject is longer than {MAX_SUBJECT} bytes"
            )));
        }
        let parsed: Result<Address, AddressError> = to.parse();
        parsed.map_err(|error| invalid(format!("{to:?} is no mail address: {error}")))?;
        let server = choose(&self.outside().targets(), server)?;
        let letter = Letter {
            server: server.clone(),
            to: to.clone(),
            subject,
            text,
        };
        let action = staged("notify", to, format!("mail {server}"), terms, &letter)?;
        self.stage(action)
    }
}

/// The server that is meant.
fn choose(targets: &Targets, named: Option<String>) -> Result<String, Refusal> {
    let known = || targets.mail.keys().cloned().collect::<Vec<_>>().join(", ");
    match named {
        Some(name) if targets.mail.contains_key(&name) => Ok(name),
        Some(name) => {
            Err(Error::NotFound(format!("touchstone.yaml has no mail server {name:?}")).into())
        }
        None => match targets.mail.keys().next() {
            Some(only) if targets.mail.len() == 1 => Ok(only.clone()),
            Some(_) => Err(invalid(format!(
                "name the mail server: there are {}",
                known()
            ))),
            None => Err(Error::NotFound("touchstone.yaml has no mail server".to_owned()).into()),
        },
    }
}

/// Connections by the server's name.
#[derive(Default)]
pub(super) struct Mailers(Mutex<HashMap<String, Mailer>>);

/// A connection, and what it was made from.
struct Mailer {
    server: MailServer,
    password: Option<String>,
    transport: Transport,
}

impl Mailers {
    async fn transport(
        &self,
        name: &str,
        server: &MailServer,
        password: Option<String>,
    ) -> Result<Transport, Failure> {
        let mut known = self.0.lock().await;
        if let Some(mailer) = known.get(name)
            && mailer.server == *server
            && mailer.password == password
        {
            return Ok(mailer.transport.clone());
        }
        let builder = match server.tls {
            MailTls::Starttls => Transport::starttls_relay(&server.host),
            MailTls::Implicit => Transport::relay(&server.host),
            MailTls::None => Ok(Transport::builder_dangerous(&server.host)),
        };
        let mut builder = builder.map_err(Failure::passing)?.port(server.port);
        if let (Some((user, _)), Some(password)) = (&server.login, &password) {
            builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
        }
        let transport = builder.build();
        let mailer = Mailer {
            server: server.clone(),
            password,
            transport: transport.clone(),
        };
        known.insert(name.to_owned(), mailer);
        Ok(transport)
    }
}

pub(super) async fn perform(performers: &Performers, action: &Action) -> Result<String, Failure> {
    let letter: Letter = request(action)?;
    let targets = performers.outside.targets();
    let Some(server) = targets.mail.get(&letter.server) else {
        return Err(Failure::passing(format!(
            "touchstone.yaml has no mail server {:?}",
            letter.server
        )));
    };
    let password = server
        .login
        .as_ref()
        .map(|(_, secret)| performers.outside.secrets.read(secret));
    let password = password.transpose().map_err(Failure::passing)?;
    let message = message(server, action, &letter).map_err(Failure::Final)?;
    let transport = performers
        .mailers
        .transport(&letter.server, server, password)
        .await?;
    match tokio::time::timeout(performers.timeout, transport.send(message)).await {
        Ok(Ok(answer)) => Ok(format!(
            "{} {}",
            answer.code(),
            answer.message().collect::<Vec<_>>().join(" ")
        )),
        Ok(Err(error)) if error.is_permanent() => Err(Failure::Final(error.to_string())),
        Ok(Err(error)) => Err(Failure::passing(error)),
        Err(_) => Err(Failure::passing("the mail server did not answer in time")),
    }
}

fn message(server: &MailServer, action: &Action, letter: &Letter) -> Result<Message, String> {
    let mailbox = |text: &str| {
        let address: Address = text
            .parse()
            .map_err(|error: AddressError| format!("{text:?}: {error}"))?;
        Ok::<_, String>(Mailbox::new(None, address))
    };
    // Mail servers and readers recognise a repetition by its Message-ID.
    let id = hex(&Sha256::digest(&action.id));
    Message::builder()
        .from(mailbox(&server.from)?)
        .to(mailbox(&letter.to)?)
        .subject(letter.subject.as_str())
        .message_id(Some(format!("<{id}@touchstone>")))
        .header(ContentType::TEXT_PLAIN)
        // A bare CR ends a line for some servers, and not for others.
        .body(letter.text.replace("\r\n", "\n").replace('\r', "\n"))
        .map_err(|error| error.to_string())
}
