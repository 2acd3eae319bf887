# Everything that people read, in English. The other languages fall back to this catalogue.

## Everywhere

site-description = Rooms to talk in, about what you are learning and making.
footer-line = A shady place to sit and talk.
skip-to-content = Skip to the content
theme-dark = Dark colours
go-back = Back
close = Close
save = Save
cancel = Cancel
edit = Edit
delete = Delete
optional = (optional)
# Lists are counted as far as 1,000; 1001 stands for all beyond.
count = { $count ->
    [1001] 1,000+
   *[other] { $count }
}

## The head of every page

nav-label = Main
nav-rooms = Rooms
nav-topics = Topics
nav-activity = Activity
nav-chat = Chat
nav-my-page = My page
menu-of = Menu of { $name }
login = Log in
logout = Log out
register = Sign up

## Search

search = Search
search-everything = Search everything
search-rooms = Search rooms
search-topics = Search topics
search-activity = Search activity
search-clear = Show everything
search-title = Search
search-for = Search for “{ $q }”
search-again = Search words
search-text = In rooms, in what was said there, among people and projects, all at once.
search-help-words = Every word that you type must be there, in any order. The last one may be only begun.
search-help-letters = Capital letters and accents make no difference: elodie finds Élodie.
search-help-kinds = The best answers come first. Above them you can choose rooms, messages, people or projects alone.
search-kinds = What to look at
search-all = All
search-rooms-tab = Rooms
search-messages-tab = Messages
search-people-tab = People
search-projects-tab = Projects
search-room = Room
search-message = Message
search-person = Person
search-project = Project
search-in-part = No word begins like that. These have it inside a word:
search-cut = These are the best { $count }. More words find less, and better.
search-none = Nothing found
search-none-text = Try fewer or other words, or look through the lists themselves:
search-developers-list = Search people
search-projects-list = Search projects

## Pages of a long list

pager-label = Pages
pager-prev = Previous
pager-next = Next
# Read out before the page's number.
pager-page = Page

## How long ago: also stands after "joined"

ago-now = just now
ago-minutes = { $n ->
    [one] { $n } minute ago
   *[other] { $n } minutes ago
}
ago-hours = { $n ->
    [one] { $n } hour ago
   *[other] { $n } hours ago
}
ago-days = { $n ->
    [one] { $n } day ago
   *[other] { $n } days ago
}
ago-date = on { $date }

## The first page: rooms

hero-title = Pull up a seat and talk
hero-text = { $site } is a village square for people who learn and make things together. Find a room, read along, and say something when you are ready.
hero-join = Join in
home-title = What people talk about
rooms-for = Rooms for “{ $q }”
rooms-found-title = Found
rooms-found = { $count ->
    [0] No rooms found
    [one] One room found
    [1001] 1,000+ rooms found
   *[other] { $count } rooms found
}
rooms-count = { $count ->
    [0] No rooms
    [one] One room
    [1001] 1,000+ rooms
   *[other] { $count } rooms
}
rooms-none = No rooms yet
rooms-none-text = Somebody has to sit down first. Why not you?
rooms-none-found = No room matches
rooms-none-found-text = Try fewer or other words: names, topics and descriptions of rooms are searched.
rooms-see = See the rooms
room-unread = { $count ->
    [one] One new
   *[other] { $count } new
}
# The host's name follows.
hosted-by = Hosted by
people-count = { $count ->
    [0] Nobody yet
    [one] One person
   *[other] { $count } people
}
deleted-user = a former member

## Topics

topics-title = Topics
topics-text = Every room has one. Choose what you care about.
topics-all = All topics
topics-more = More topics
topics-none = No topics yet
topics-none-text = The first room brings the first topic.
topics-none-found = No topic matches
topics-none-found-text = Try fewer or other words.

## Activity

activity-title = Recent activity
activity-text = What was said lately, in all rooms.
# The room's name follows.
activity-in = in
activity-more = More activity
activity-none = Quiet so far
activity-none-text = What people say will show up here.
activity-none-found = No message matches
activity-none-found-text = Try fewer or other words.

## A room's form

room-new = New room
room-new-title = Open a new room
room-new-text = You will be its host.
room-create = Open the room
room-edit = Edit the room
room-edit-title = Edit “{ $name }”
room-name = Name
room-name-help = Short and clear: a question works well.
room-topic = Topic
room-topic-help = Choose one from the list or write a new one.
room-description = Description
room-description-help = What is this room for, and who is welcome?
room-delete = Delete the room
room-delete-title = Delete “{ $name }”?
room-delete-text = All its messages go with it. This cannot be undone.
room-delete-yes = Yes, delete the room

## A room

room-menu = Room menu
room-about = About this room
room-leave = Leave the room
room-login = Log in to take part in this conversation.
room-removed = The host has taken you out of this room. You can read along, but not write.
conversation = Conversation
# The number of participants follows, on a button.
people-show = People in this room:
here-now = Here now
here-none = Nobody at the moment
# In a chat room by name, where guests may be too.
here-now-members = Members here now
here-none-members = No member at the moment
host = Host
participants = Participants
participants-none = Whoever writes here takes part.
participants-more = { $count ->
    [one] and one more
   *[other] and { $count } more
}
# The person's name follows, for screen readers.
participant-remove = Take out
participant-restore = Let in again
banned = Taken out

## Messages

messages-older = Older messages
messages-beginning = The conversation begins here.
messages-new = New messages
messages-newest = Newest messages
messages-none = Nothing said yet
messages-none-text = A simple hello is a good beginning.
unread-line = { $count ->
    [one] One new message
   *[other] { $count } new messages
}
unread-jump = { $count ->
    [one] One unread message
   *[other] { $count } unread messages
}
message-label = Message
message-placeholder = Write a message
message-send = Send
message-hint = Enter sends, Shift + Enter begins a new line.
markdown-hint = Markdown works: **bold**, `code`, > quote.
message-failed = Not sent: the server could not be reached. Your text is still here; try again.
message-edited = edited
message-whole = Read the whole message
message-whole-title = A message in { $room }
message-whole-back = Back to the conversation
message-edit-title = Edit your message
# The room's name follows.
message-in-room = In
message-delete-title = Delete this message?
message-delete-yes = Yes, delete it
# A number follows.
characters-left = Characters left:

## Chat rooms by name

chat-title = Chat by room name
chat-text = Type a room’s name and you are in it. If there is none of this name yet, it is made.
chat-missing = There is no room of this name yet. Come in, and it is made.
chat-room = Chat room by name
chat-room-name = Room
chat-room-name-help = Any name, in any script. Capital letters make no difference.
chat-guest-name = Your name
chat-guest-name-help = How the others see you here, marked as a guest.
chat-as = You come in as { $name }.
chat-enter = Come in
chat-lately = In use lately
chat-all = To the chat rooms
chat-about = Whoever knows the name of this room can read and write here. When nobody has used it for { $days } days, it goes.
# The guest's name follows.
chat-guest-line = You write as a guest:
chat-change-name = Change name
# Stands behind the name of somebody without an account.
guest-mark = guest

## The live connection

live-reconnecting = Connection lost, trying again …
live-refused = This page no longer gets new messages.
live-login = Log in
live-reload = Load the page again

## People

# The time follows, for instance "3 days ago".
person-joined = joined
person-self = you
person-rooms = Rooms of { $name }
person-rooms-none = No rooms yet
person-rooms-figure = Rooms
person-messages-figure = Messages

## Logging in and signing up

login-title = Welcome back
login-name = Username or email
login-no-account = New here?
login-slowed = Someone may be trying to guess the password of this account. You can still log in from a browser where you have logged in before.
login-slowed-mail = Someone may be trying to guess the password of this account. You can still log in from a browser where you have logged in before. On another browser, set a new password with “Forgot your password?” below.
register-title = Join { $site }
register-submit = Create my account
register-password-later = We will email a link to this address. Choose your password there.
register-slowed = If you have already received an email, use the link in it. It works for 24 hours.
register-has-account = Already a member?
registration-closed-title = No new accounts at the moment
registration-closed-text = This site does not take sign-ups. Whoever runs it can make an account for you.
name = Name
name-help = How others see you. Any script is welcome.
username = Username
username-help = 3 to 30 letters, digits or any of . _ -
email = Email
password = Password
password-again = Password again
password-help = At least 8 characters; several words make a good one.

register-sent-title = One more step
register-sent-text = We have emailed you a link. Open it within 24 hours to choose your password and create your account.
register-confirm-title = Choose your password
register-confirm-text = Your account will use the email { $email }. You can still change your names here.
register-confirm-submit = Create my account
register-closed-meanwhile = Registration was closed after you asked for this account. Ask who runs this site for an invitation.
register-expired-text = This link has already been used or is older than 24 hours.
register-email-taken = An account with this email already exists. Log in, or reset your password.
register-again = Register again
registration-invite-used = This invitation was used up, taken back, or is too old. Ask the person who sent it for a new one.
register-invited = You are invited to join.

## A new password for who forgot the old one

login-forgot = Forgot your password?
reset-title = A new password
reset-text = Tell us the email address of your account. If we know it, we send a link with which you can choose a new password.
reset-submit = Send me the link
reset-slowed = If you have already received an email, use the link in the newest one. It works for an hour.
reset-sent-title = Look into your mail
reset-sent-text = If there is an account with this address, a link is on its way. It works for an hour, and once.
reset-sent-note = Nothing came after some minutes? Look among the unwanted mail, or try again: it may have been another address.
reset-again = Try again
reset-set-title = Choose a new password
reset-set-text = For the account of { $username }. Wherever it is logged in now, it will be logged out.
reset-set-submit = Keep this password
reset-complete-title = Done
reset-complete-text = Your new password is kept. Log in with it from now on.
reset-expired-title = This link no longer works
reset-expired-text = It was used already, is older than an hour, or a newer one was sent. A new link is quickly asked for.
password-new = New password
no-mail-title = This site sends no mail
no-mail-text = Whoever runs it has not set up mail, so no link can be sent. Ask that person: a new password can be set by hand.

## One's own account

account-title = Your account
account-edit-title = How others see you
picture-avatar = Picture
picture-cover = Picture of the project
picture-help = JPEG, PNG, GIF or WebP, at most { $max }. What it holds besides the picture, such as the place where it was taken, is dropped.
picture-now = The picture so far
picture-remove = Remove the picture
picture-progress = How far the picture is
picture-ready = The picture is here. It shows once you save.
picture-failed = The picture did not get through. It will be sent with the form.
account-edit-hint = Your names, a few words about you, where else you are found.
bio = About you
bio-help = What do you make, learn, like? Everybody can read it. Markdown works.
account-password-title = Password
account-password-hint = Choose another one.
account-password-text = All other browsers that are logged in will be logged out.
account-email-title = Email address
account-email-hint = Where letters go, and what you can log in with.
account-email-text = Your address is { $email }. We send a link to the new one; it counts when you have opened it.
account-email-none = There is no address yet. We send a link to the one you give; it counts when you have opened it.
account-email-submit = Send the link
account-sessions-title = Where you are logged in
account-sessions-hint = See the browsers, and log them out.
account-sessions-text = Do you not know one of these? End it, and choose another password.
account-export-title = Take your data along
account-export-hint = All that the site knows of you, in one file.
account-export-text = A zip file with your account, your rooms, your projects and everything you said, as JSON: readable by programs, and with some patience by people. Your pictures lie beside it.
account-export-submit = Download
account-delete-title = Delete your account
account-delete-hint = For good. You see first what goes and what stays.
account-delete-text = This cannot be undone. Your user name becomes free for others.
account-delete-yes = Delete my account
leaving-goes = What goes
leaving-stays = What stays
leaving-account = Your account, your profile with your skills, and all your log-ins
leaving-messages = { $count ->
    [0] Your messages: there are none
    [one] Your message: one
   *[other] Your messages: { $count }
}
leaving-rooms = { $count ->
    [0] Rooms: you host none
    [one] The room you host, with what others said in it; it has no host then
   *[other] The { $count } rooms you host, with what others said in them; they have no host then
}
leaving-projects = { $count ->
    [0] Projects: you made none here
    [one] Your project, with its reviews
   *[other] Your { $count } projects, with their reviews
}
leaving-reviews = { $count ->
    [0] Reviews: you wrote none
    [one] Your review of another's project; its votes are counted anew
   *[other] Your { $count } reviews of others' projects; their votes are counted anew
}
leaving-inbox = { $count ->
    [0] Your inbox: it is empty
    [one] Your inbox, with one message
   *[other] Your inbox, with { $count } messages
}
leaving-sent = What you wrote into others' inboxes, under your name of then
leaving-export = Before you go:
session-this = this browser
session-seen = last used
session-begun = logged in
session-end = Log out
session-end-others = Log out everywhere else
device-both = { $browser } on { $system }
device-one = { $name }
device-unknown = A browser that does not say what it is
password-present = Present password
email-new = New email address
email-confirm-title = Is this your address?
email-confirm-text = The account { $username } will use the email { $email }. If this is not your account, close this page.
email-confirm-submit = Yes, use this address
email-expired-text = It was used already, is older than a day, or something changed since. A new one is quickly sent.

## A second factor

account-second-title = Second step at the log-in
account-second-hint = A code of an app on your phone, besides the password.
second-off-text = Whoever learns your password cannot log in with it alone: a code is asked for that only an app on your phone shows. Any authenticator app will do.
second-needed = The staff of this site needs it: nothing else opens before it is set up.
second-begin = Set it up
second-on-text = It is on: after your password, a code is asked for.
second-left = { $count ->
    [0] You have no recovery codes left: make new ones.
    [one] One recovery code is left.
   *[other] { $count } recovery codes are left.
}
second-new-codes = New recovery codes
second-remove = Turn it off
second-secret-title = Show this to your app
second-secret-text = Scan the picture with your authenticator app, or type the key below it into the app. It is shown only now.
second-secret-typed = Key
second-secret-tap = On this phone: open it in the app
second-first-help = The six digits that the app shows now.
second-confirm = Turn it on
recovery-title = Your recovery codes
recovery-text = The second step is on. If you lose your phone, each of these codes lets you in once, in place of the app. Write them down or print them now: they are not shown again.
recovery-kept = I have kept them
code-title = Your code
code-text = Your password was right. Now the code that your app shows.
code-label = Code
code-help = Six digits; or one of your recovery codes.
code-back = Begin again

## Letters

mail-greeting = Hello { $name },
mail-greeting-nobody = Hello,
mail-welcome-subject = Welcome to { $site }
mail-welcome-text = Good to have you here. Find a room, read along, and say something when you are ready.
mail-welcome-button = To the rooms
mail-register-subject = Your account at { $site }
mail-register-text = Someone, hopefully you, signed up as { $username } with this email. Open this link to choose a password and create the account. You can still change the username there:
mail-register-button = Choose a password
mail-register-note = The link works for a day, and once. If it was not you, you need not do anything: no account is made.
mail-register-known-subject = You have an account at { $site } already
mail-register-known-text = Somebody, you we hope, wanted to register with this address. It has an account already: { $username }. Log in with it; if you forgot its password, choose a new one here:
mail-register-known-note = If it was not you, you need not do anything. Nobody was told that you have an account.
mail-reset-subject = A new password for { $site }
mail-reset-text = Somebody, you we hope, asked for a new password for your account { $username }. With this link you can choose one:
mail-reset-button = Choose a new password
mail-reset-note = The link works for an hour, and once. If it was not you, you need not do anything: your password stays as it is.
mail-password-changed-subject = Your password for { $site } was changed
mail-password-changed-text = Your password was changed just now, and every browser that was logged in is logged out. If that was you, all is well.
mail-password-changed-button = It was not me
mail-password-changed-note = If it was not you, choose a new password at once by the button above.
mail-confirm-email-subject = Confirm your address for { $site }
mail-confirm-email-text = The account { $username } is to have this address. If that is you, say so here:
mail-confirm-email-button = Confirm this address
mail-confirm-email-note = The link works for a day, and once. If you do not know of this, you need not do anything.
mail-email-taken-subject = Your address at { $site }
mail-email-taken-text = The account { $username } was to have this address, but another account has it already. An address belongs to one account; nothing was changed.
mail-email-changed-subject = Your address for { $site } was changed
mail-email-changed-text = The account { $username } has another email address from now on. Letters no longer come here.
mail-email-changed-note = If it was not you, ask whoever runs the site at once: somebody knows your password.
mail-second-on-subject = Your account at { $site } asks for a code from now on
mail-second-on-text = The second step at the log-in is on: after your password, the code of an app is asked for.
mail-second-off-subject = Your account at { $site } no longer asks for a code
mail-second-off-text = The second step at the log-in is off: your password alone lets in again.
mail-goodbye-subject = Your account at { $site } is deleted
mail-goodbye-text = The account { $username } and its messages are gone. Take care, and come back whenever you like.
mail-test-subject = A test from { $site }
mail-test-text = If you can read this, mail from this site arrives.

## Setting up the site

setup-banner = This site is not set up yet: the server’s log shows the link that finishes it.
setup-title = Set up your site
setup-text = Two minutes, once: name the place, decide who may come in, and make your own account.
setup-site = The site
setup-site-name = Name of the site
setup-access = Who may come in?
setup-access-public = Everybody
setup-access-public-help = All can read, and whoever signs up can write.
setup-access-members = Members only
setup-access-members-help = Only people with an account can read, and accounts are made by you.
setup-you = Your account
setup-submit = Open the site
setup-needed-title = Almost there
setup-needed-text = This site has no one in charge yet. Open the link that stands in the server’s log to set it up.
setup-expired-title = This link no longer works
setup-expired-text = It was used already, or a newer one took its place. The server’s log shows the newest.

## Short notices after an action

flash-welcome = Welcome, { $name }!
flash-logged-in = Good to see you, { $name }.
flash-logged-out = You are logged out.
flash-code-next = One more step: the code of your app.
flash-code-late = That took a while. Please begin again.
flash-recovery-used = { $count ->
    [0] That was your last recovery code. Make new ones in your account.
    [one] You are logged in. One recovery code is left.
   *[other] You are logged in. { $count } recovery codes are left.
}
flash-second-factor-off = The second step is off.
flash-second-factor-needed = The staff of this site needs a second step at the log-in. Please set it up first.
flash-look-into-mail = Please look into your mail.
flash-profile-saved = Saved. This is your page.
flash-password-changed = Your new password is kept. Other browsers are logged out.
flash-email-sent = A link is on its way to { $email }.
flash-email-changed = Your address is { $email } from now on.
flash-email-changed-of = The address of { $username } is { $email } from now on.
flash-session-ended = That browser is logged out.
flash-sessions-ended = { $count ->
    [one] One browser is logged out.
   *[other] { $count } browsers are logged out.
}
flash-account-deleted = Your account is deleted. Take care!
flash-login-first = Please log in first.
flash-draft-kept = Please log in first. What you typed is kept and will be there again.
flash-form-stale = The page was out of date: you may have logged in or out in another window. Nothing was changed. Check what you typed and send it again.
flash-form-stale-file = The page was out of date: you may have logged in or out in another window. Nothing was changed. Check what you typed, choose the image again and send it.
flash-room-created = Your room is open.
flash-room-updated = The room is saved.
flash-room-deleted = The room is deleted.
flash-left-room = You have left the room.
flash-message-updated = Your message is saved.
flash-message-deleted = The message is deleted.
flash-participant-removed = { $name } is taken out of the room.
flash-participant-restored = { $name } may take part again.

## What is wrong with a field

error-too-long = { $max ->
    [one] At most one character, please.
   *[other] At most { $max } characters, please.
}
error-too-short = { $min ->
    [one] At least one character, please.
   *[other] At least { $min } characters, please.
}
error-required = Please choose one.
error-picture-unreadable = This is no picture that can be read here. JPEG, PNG, GIF and WebP are.
error-picture-pixels = This picture has too many pixels. At most { $max } million, please.
error-picture-busy = Too many pictures are waiting at the moment. Please try again in a minute.
error-picture-costly = This picture takes too long to decode. Please save it again as a plain JPEG or a PNG.
error-picture-size = This file is too large. At most { $max }, please.
error-picture-gone = This picture is not kept any more. Please choose it again.
error-picture-not-kept = The picture could not be kept just now. Please try again a little later.
error-nul = This holds a character that cannot be stored.
error-unseen = Invisible and control characters are not possible here.
error-name-needed = Please give a name, or log in.
error-guest-taken = A member has this name. Please choose another one.
error-choice = Please choose one of these.
error-name-chars = Something in this name cannot be seen, such as a control character. Please type it anew.
error-username-chars = Only letters, digits and . _ - are possible, with at least one letter or digit.
error-username-taken = This username is taken.
error-username-similar = This username looks like the username of another account. Choose a different one.
error-name-reserved = This name is reserved. Choose a different one.
error-email-invalid = This does not look like an email address.
error-email-taken = There is an account with this email address already.
error-login = Username or password is not right.
error-code = This is not a code that works now.
error-password-wrong = This is not your password.
error-invite-used = This invitation was used up meanwhile. Ask the person who sent it for a new one.
error-last-superuser = Nobody else can run this site. Make somebody else a superuser first.
error-password-mismatch = The two passwords differ.
password-too-short = { $min ->
    [one] Too short: at least one character.
   *[other] Too short: at least { $min } characters.
}
password-too-long = { $max ->
    [one] Too long: at most one character.
   *[other] Too long: at most { $max } characters.
}
password-nul = The password holds a character that cannot be used.
password-digits = Digits alone are easy to guess.
password-common = This password is on every list of common ones.
password-like-username = This is too much like your username.
password-like-name = This is too much like your name.
password-like-email = This is too much like your email address.

## Pages of errors

error-home = To the rooms
# The number of the request follows.
error-request = If you report this, mention
error-retry-after = { $seconds ->
    [one] Try again in one second.
   *[other] Try again in { $seconds } seconds.
}
error-400-title = That was not understood
error-400-text = The request was not complete. Go back and try once more.
error-401-title = Please log in
error-401-text = This is for people who are logged in.
error-403-title = Not for you
error-403-text = You are not allowed to do this.
error-404-title = Nothing here
error-404-text = The page is gone, or it was never here.
error-405-title = Not this way
error-405-text = This address does not answer to that kind of request.
error-408-title = The connection was too slow
error-408-text = What you sent stopped arriving before it was complete, so nothing was changed. Check your connection and send it again.
error-413-title = Too much at once
error-413-text = What was sent is too big. Make it shorter and try again.
error-415-title = Wrong format
error-415-text = What was sent has a format that is not understood here.
error-422-title = Something is not right
error-422-text = What was sent could not be accepted. Go back and check it.
error-429-title = A little slower, please
error-429-text = { $seconds ->
    [one] That was a lot in a short time. Please pause for a second.
   *[other] That was a lot in a short time. Please pause for { $seconds } seconds.
}
error-500-title = Something broke
error-500-text = It is our fault, not yours. It has been noted in the server’s log.
error-503-title = Back soon
error-503-text = The server is too busy for this at the moment.
error-busy-title = Many are searching
error-busy-text = Too many people search at this moment. The other pages are there; please try the search again in { $seconds ->
    [one] a second.
   *[other] { $seconds } seconds.
}
error-streams-title = Too many open windows
error-streams-text = So many windows listen for new messages that this one cannot. Close some of them, or try again in { $seconds ->
    [one] a second.
   *[other] { $seconds } seconds.
}
error-csrf-title = This form is too old
error-csrf-text = It could not be shown to come from this site, so nothing was changed. Go back, load the page again and send it once more.
error-origin-title = The site’s address does not match
error-origin-text = Your browser says that this form comes from { $origin }, which the server does not know as its own address. Nothing was changed. If that is the address at which you use this site, tell its operator: “site_url must be { $origin }, or the proxy must pass the header Host on; `chaupal check --url` shows which.”
error-stale-form-title = This page is out of date
error-stale-form-text = You may have logged in or out in another window. Nothing was changed. Check what you typed and send it again.

## Developers

nav-developers = Developers
developers-title = Who is here
developers-text = People, what they can do, and what they make.
developers-for = Developers for “{ $q }”
developers-found = { $count ->
    [0] Nobody matches “{ $q }”
    [one] One person matches “{ $q }”
    [1001] 1,000+ people match “{ $q }”
   *[other] { $count } people match “{ $q }”
}
developers-none = Nobody is here yet.
developers-none-found = Nobody matches that.
developers-none-found-text = Names, introductions and skills were looked through. Try a shorter word.
developers-see = See who is here
search-developers = Search people and skills
person-write = Write to { $name }
person-links = Elsewhere
person-projects-none = You have shown nothing yet. What do you make?
username-change-help = 3 to 30 letters, digits or any of . _ - With another one the address of your page changes.
short-intro = In one line
short-intro-help = It stands beside your name in the list of developers.
location = Where you are
social-github = GitHub
social-twitter = Twitter
social-linkedin = LinkedIn
social-youtube = YouTube
social-website = Website
error-link = This is no address on the web. It looks like https://example.org/page

skills-title = Skills
skills-other = More skills
skills-more = { $count } more
skills-own-title = Your skills
skills-own-text = Those with a description stand on top of your page, the others after them.
skills-own-none = You have told no skills yet. What are you good at?
skill-new = Add a skill
skill-edit-title = Change { $name }
skill-name = Skill
skill-description = Description
skill-description-help = How well, since when, for what? With a description it is one of your top skills.
skill-delete-title = Remove { $name }?
skill-delete-text = It no longer stands on your page. You can add it again.
skill-delete-yes = Remove
flash-skill-added = Added to your skills.
flash-skill-saved = Your skill is changed.
flash-skill-deleted = { $name } is no longer among your skills.
error-skill-told = This one is among your skills already.
error-skills-many = You have { $max } skills, which is as many as fit.

## Projects

nav-projects = Projects
projects-title = What people make
projects-text = Best liked first.
projects-for = Projects for “{ $q }”
projects-found = { $count ->
    [0] No project matches “{ $q }”
    [one] One project matches “{ $q }”
    [1001] 1,000+ projects match “{ $q }”
   *[other] { $count } projects match “{ $q }”
}
projects-none = Nothing is shown here yet.
projects-none-text = Be the first: what did you make?
projects-none-found = No project matches that.
projects-none-found-text = Titles, descriptions, makers and tags were looked through. Try a shorter word.
search-projects = Search projects and tags
project-by = by
project-new = Show a project
project-new-text = Something you made, finished or not. Others can try it and tell what they think.
project-edit-title = Change { $title }
project-title = Title
project-description = Description
project-description-help = What is it, for whom, how was it made? Markdown works.
project-demo-link = Address where it can be tried
project-source-link = Address of its source
project-create = Show it
project-demo = Try it
project-source = Source
project-votes = { $count ->
    [one] { $ratio }% of one vote for it
   *[other] { $ratio }% of { $count } votes for it
}
project-votes-none = No votes yet
project-delete-title = Delete { $title }?
project-delete-text = The project and all its reviews are gone then. This cannot be undone.
project-delete-yes = Delete the project
flash-project-created = There it is.
flash-project-saved = The project is changed.
flash-project-deleted = The project is deleted.
flash-tag-removed = The tag is removed.
tags-title = Tags
tags-help = Up to ten. With commas between them a tag may have several words: machine learning, rust
error-tag-long = The tag “{ $tag }…” is too long: at most { $max } characters, please.
error-tags-many = At most { $max } tags.

reviews-title = What others think
reviews-none = Nobody has said anything yet.
review-own-project = It is your own project: what do others think of it?
review-log-in = Log in to tell what you think
review-new = Do you like it?
review-change = You told what you think. Change it?
review-body = In your words
review-send = Send
review-take-back = Take it back
review-delete-title = Take back what you think of { $title }?
review-delete-text = Your vote and your words are gone then. You can write again.
review-delete-yes = Take it back
vote-up = I like it
vote-down = Not for me
flash-review-saved = Thank you, your word counts.
flash-review-deleted = Your vote and your words are taken back.

## Inbox

nav-inbox = Inbox
inbox-unread = { $count ->
    [one] One new message
   *[other] { $count } new messages
}
inbox-all-read = You have read everything.
inbox-not-member = not a member
inbox-new = New
inbox-none = Nobody has written to you yet.
inbox-none-text = Who finds your page can write to you. Or begin yourself.
inbox-from = from
inbox-stranger = Whoever wrote this was not logged in: name and address are what they typed.
inbox-answer = Answer
flash-inbox-deleted = The message is deleted.
write-text-known = It goes to this person's inbox here, under your name. Markdown works.
write-text-stranger = It goes to this person's inbox here. With your address you can be answered.
write-name = Your name
write-leave-empty = Leave this empty
write-subject = Subject
write-body = Message
write-send = Send
flash-message-sent = Your message to { $name } is on its way.

footer-nav = More pages
