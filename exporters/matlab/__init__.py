"""Format "matlab": MAT-files of MATLAB 5 to 7.3; read only."""
