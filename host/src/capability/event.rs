//! The event under judgement. The pointer and the reference come from the guest; both parsers take any text.

use crate::document::Document;
use crate::grants::Resource;
use crate::guest::Ctx;
use crate::guest::bindings::touchstone::policy::event::Host;
use crate::guest::bindings::touchstone::policy::types::{Image, ImageName};
use crate::image;

impl Ctx {
    /// The document, if it is acceptable as one: reports are judged without looking at it.
    fn document(&self) -> wasmtime::Result<&Document> {
        let document = &self.event()?.document;
        match document.check() {
            Ok(()) => Ok(document),
            Err(error) => Err(wasmtime::Error::msg(format!(
                "the event's document: {error}"
            ))),
        }
    }
}

impl Host for Ctx {
    fn data(&mut self) -> wasmtime::Result<String> {
        self.allow("event", Resource::Path("data"))?;
        Ok(self.document()?.text().to_owned())
    }

    fn get(&mut self, pointer: String) -> wasmtime::Result<Option<String>> {
        self.allow("event", Resource::Path("get"))?;
        Ok(self.document()?.get(&pointer))
    }

    fn images(&mut self) -> wasmtime::Result<Vec<Image>> {
        self.allow("event", Resource::Path("images"))?;
        Ok(self.event()?.images.iter().map(Image::from).collect())
    }

    fn query(&mut self) -> wasmtime::Result<Option<String>> {
        self.allow("event", Resource::Path("query"))?;
        Ok(self.event()?.query.clone())
    }

    fn parse_image(&mut self, text: String) -> wasmtime::Result<Result<ImageName, String>> {
        self.allow("event", Resource::Path("parse-image"))?;
        let parsed = image::ImageName::parse(&text);
        Ok(parsed
            .as_ref()
            .map(ImageName::from)
            .map_err(ToString::to_string))
    }
}
