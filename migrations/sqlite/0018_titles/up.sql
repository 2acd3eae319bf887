-- PostgreSQL keeps the words of titles by themselves from here on. FTS5 tells columns apart anyway; its index is put in order, since what an
-- import or the migration 0014 had brought at once lay in many pieces.
INSERT INTO room_words (room_words) VALUES ('optimize');
INSERT INTO message_words (message_words) VALUES ('optimize');
INSERT INTO person_words (person_words) VALUES ('optimize');
INSERT INTO project_words (project_words) VALUES ('optimize');
