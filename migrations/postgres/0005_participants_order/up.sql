-- The people of a room in the order in which they came, and how many they are, along one index.
CREATE INDEX participants_order ON participants (room_id, id) WHERE removed IS NULL;
