import {useState} from 'react';
import {tell} from 'tell.mjs';
import './tell';
