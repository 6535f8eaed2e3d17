"""Labs that several lessons share, above all the block lab and the network lab; a lesson's own lab lies in its folder."""
