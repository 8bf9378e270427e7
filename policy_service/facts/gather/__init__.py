"""From a call and what is on file to the attributes that policies look at."""
