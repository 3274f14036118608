"""The templates of nginx's configuration; `app.nginx` renders them."""
