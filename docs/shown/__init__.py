"""What the pages show: objects of the library, made when the site is built."""
