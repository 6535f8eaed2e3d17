"""Tools that know neither a network nor a lesson, in folders by what they are for."""
