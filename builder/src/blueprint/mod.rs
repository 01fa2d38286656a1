//! Recipes, one for each kind of image.
