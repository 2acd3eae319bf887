DROP TABLE visits;
DROP TABLE messages;
DROP TABLE participants;
DROP TABLE rooms;
DROP TABLE topics;
