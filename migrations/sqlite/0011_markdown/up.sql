-- What people write is Markdown; its HTML is made at save and stands beside it. Empty where it was not made yet.
ALTER TABLE messages ADD COLUMN body_html TEXT NOT NULL DEFAULT '';
ALTER TABLE rooms ADD COLUMN description_html TEXT NOT NULL DEFAULT '';
