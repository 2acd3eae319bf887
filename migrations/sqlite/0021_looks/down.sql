UPDATE users SET username_look = look(username), name_look = look(name);
