//! People: each with a browser of his own, that is, with cookies.

use super::Site;
use super::http::{Answer, Events, Jar, Opened, Request, percent};

/// Somebody in front of a browser. It follows no redirect by itself.
pub struct Person<'s> {
    pub site: &'s Site,
    /// 0 for a stranger.
    pub id: i64,
    pub username: String,
    pub jar: Jar,
}

impl<'s> Person<'s> {
    pub fn new(site: &'s Site, id: i64, username: &str) -> Self {
        Self { site, id, username: username.to_owned(), jar: Jar::new(site.cookie_names()) }
    }

    pub fn get(&self, target: &str) -> Answer {
        self.send(Request::new("GET", target))
    }

    /// Posts a form with the token of this person's own page.
    pub fn post(&self, target: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.token();
        let mut fields = fields.to_vec();
        fields.push(("csrf_token", &token));
        self.send(Request::new("POST", target).form(&fields))
    }

    /// Posts a form with a picture, as a browser does without a script.
    pub fn bring(&self, target: &str, fields: &[(&str, &str)], bytes: &[u8]) -> Answer {
        let token = self.token();
        let mut all = vec![("csrf_token", token.as_str())];
        all.extend(fields);
        self.send(Request::new("POST", target).multipart(&all, ("picture", "holiday.jpg", bytes)))
    }

    /// Posts a message as the page's script does.
    pub fn say(&self, room: i64, body: &str, client_id: &str) -> Answer {
        let token = self.token();
        let request = Request::new("POST", &format!("/rooms/{room}/messages"));
        let request = request.form(&[("body", body), ("client_id", client_id)]);
        self.send(request.header("Accept", "application/json").header("X-CSRF-Token", &token))
    }

    pub fn send(&self, request: Request) -> Answer {
        self.open(request).finish()
    }

    /// Sends, and reads the answer's head only.
    pub fn open(&self, request: Request) -> Opened {
        let request = match self.jar.line() {
            Some(cookies) => request.header("Cookie", &cookies),
            None => request,
        };
        let opened = request.open(self.site.port());
        self.jar.learn(&opened.headers);
        opened
    }

    pub fn listen(&self, target: &str) -> Events {
        self.open(Request::new("GET", target)).events()
    }

    /// A token of a page that this person has open.
    pub fn token(&self) -> String {
        let page = match self.get("/topics") {
            page if page.status == 200 => page,
            _ => self.get("/login"),
        };
        page.status(200).form_token().expect("a page has a token").to_owned()
    }

    pub fn log_in(&self, login: &str, password: &str) -> Answer {
        self.post("/login", &[("login", login), ("password", password)])
    }

    /// Whether the site knows who this is.
    pub fn is_logged_in(&self) -> bool {
        let answer = self.get("/rooms/new");
        assert!(answer.status == 200 || answer.status == 303, "{answer:?}");
        answer.status == 200
    }

    /// Follows one redirect.
    pub fn follow(&self, answer: &Answer) -> Answer {
        self.get(answer.location().split('#').next().unwrap_or("/"))
    }

    pub fn url(&self) -> String {
        format!("/developers/{}", percent(&self.username))
    }
}
