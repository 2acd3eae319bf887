ALTER TABLE messages DROP COLUMN body_html;
ALTER TABLE rooms DROP COLUMN description_html;
DELETE FROM settings WHERE key = 'markdown';
